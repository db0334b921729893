/*
 * Relaying between the caller's terminal and the master of a sandbox's own pty:
 * raw mode, window size, hangup, 8-bit clean, with back-pressure. For containers and
 * machines, whose processes cannot have the caller's terminal itself. libc only, no
 * privilege; nothing is printed, parsed or changed on the way.
 *
 * MUST put the caller's terminal back whatever happens that lets the process live for one
 * more instruction; a SIGKILL cannot be helped. MUST NOT touch a terminal that is
 * another job's at the time (tcgetpgrp(3)): such a caller relays output only, until it is
 * the foreground.
 *
 * The caller has SIGTTIN, SIGTTOU and SIGPIPE blocked or ignored.
 */
#ifndef KV_COMMON_PTY_RELAY_H
#define KV_COMMON_PTY_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct kv_error;

#define KV_PTY_BUFFER	16384

struct kv_pty_flow {
	char data[KV_PTY_BUFFER];
	size_t start, end;
};

struct kv_pty_relay {
	int in, out;		/* borrowed: the caller's terminal */
	int master;		/* borrowed */
	bool reads;		/* in is open for reading */
	bool told;		/* of a new size by SIGWINCH: in is the controlling terminal */
	bool raw;		/* in is in raw mode, and saved is what to go back to */
	bool vacant;		/* no process has the pty open */
	struct termios saved;
	struct kv_pty_flow inward, outward;
};

/*
 * Copies settings (termios before raw mode) and window size of `in` to the pty, makes the master non-blocking
 * for good, and puts `in` into raw mode if it is this job's and can be read. To be called before the
 * command starts, which reads them. `in` must be a terminal. The flags of in and out are left
 * alone: their open file description is shared with the caller's shell. 0 or -1; on -1 the caller's terminal is as it was.
 */
int kv_pty_open(struct kv_pty_relay *relay, int in, int out, int master, struct kv_error *err);

/* What to wait for now: three entries, in, out and master; fd -1 where nothing is wanted. */
void kv_pty_watch(const struct kv_pty_relay *relay, struct pollfd watched[3]);

/*
 * For poll(2): -1, or milliseconds after which kv_pty_step is to be called even if nothing
 * happened. For what the kernel does not tell: that a job became the foreground, that a pty that nobody had open
 * was opened again.
 */
int kv_pty_timeout(const struct kv_pty_relay *relay);

/*
 * Moves what can be moved without blocking. false: the caller's terminal has hung up, and
 * all that is left is kv_pty_close. That the pty is closed by all who had it is no end: its terminal
 * can be opened again for as long as the command lives.
 */
bool kv_pty_step(struct kv_pty_relay *relay, const struct pollfd watched[3]);

/*
 * After SIGWINCH: the window size once more; the kernel tells the pty's foreground if it is another.
 * Where in is not the controlling terminal (su -c gives its command a session without one), no SIGWINCH comes: there
 * kv_pty_step looks with each key.
 */
void kv_pty_resize(const struct kv_pty_relay *relay);

/*
 * The command has ended or stopped: passes on what it wrote until then. Ends when the pty is found empty,
 * closed by all, or the terminal has hung up; after ms milliseconds; and after KV_PTY_LEFT bytes, which
 * is more than a pty holds: what background processes write goes on for ever. Nothing is read from the terminal.
 */
#define KV_PTY_LEFT	((size_t)1 << 20)
void kv_pty_drain(struct kv_pty_relay *relay, unsigned int ms);

/*
 * Stopping and going on (SIGTSTP and SIGCONT of the caller's job control): leaves raw mode;
 * takes it again, if this job is the foreground, with what the terminal's settings are by then as what to go
 * back to. No kv_pty_step in between. Both idempotent; kv_pty_continue also after a stop that nobody announced (SIGSTOP).
 */
void kv_pty_suspend(struct kv_pty_relay *relay);
void kv_pty_continue(struct kv_pty_relay *relay);

/* The whole of it, also without a relay (NULL): drains for ms, suspends, stops (kv_terminal_stop), continues. */
void kv_pty_stop(struct kv_pty_relay *relay, unsigned int ms);

/* Puts the terminal back. Idempotent. */
void kv_pty_close(struct kv_pty_relay *relay);

#endif
