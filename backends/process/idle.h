/*
 * A process that only waits should hold little. Wrapper and first process stay for
 * as long as a session does, and most of what they map is code that only their start
 * needed.
 */
#ifndef KV_BACKENDS_PROCESS_IDLE_H
#define KV_BACKENDS_PROCESS_IDLE_H

/*
 * Gives back the pages of the program's own segments that cannot be written (code and
 * constants): they are the file's, and come back from it when they are touched
 * (madvise(2), MADV_DONTNEED). Nothing changes but memory, so there is nothing to fail.
 */
void kv_idle_release(void);

#endif
