#include "backends/process/idle.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define PAGE ((uintptr_t)4096)

void
kv_idle_release(void)
{
	const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);
	unsigned long count = getauxval(AT_PHNUM);
	/* The program headers stand behind the ELF header, with which the first segment begins. */
	uintptr_t base = (uintptr_t)header - sizeof(Elf64_Ehdr);

	/* Elsewhere than in a program that was linked for address 0 the sums would be wrong. */
	if (header == NULL || ((const Elf64_Ehdr *)base)->e_type != ET_DYN)
		return;
	for (unsigned long i = 0; i < count; i++) {
		uintptr_t start = (base + header[i].p_vaddr) & ~(PAGE - 1);
		uintptr_t end = (base + header[i].p_vaddr + header[i].p_filesz + PAGE - 1) & ~(PAGE - 1);

		/* What can be written holds relocations and data of ours: never that. */
		if (header[i].p_type == PT_LOAD && (header[i].p_flags & PF_W) == 0)
			(void)madvise((void *)start, end - start, MADV_DONTNEED);
	}
}
