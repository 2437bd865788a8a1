/* SPDX-License-Identifier: MIT */
/*
 * start.c: main(). The host's main thread becomes vCPU 0 and lives until the end: the zygote's and the spaces' parent-death
 * signals hang on it.
 */
#include <stdio.h>

#include "os-linux/internal.h"

/* arch/um/switch.S: goes over to vCPU 0's kernel stack and never returns. */
void arch_start(int argc, char **argv, char **envp) __attribute__((noreturn));

char **os_argv;

int main(int argc, char **argv, char **envp)
{
	os_argv = argv;
	os_process_setup();
	if (os_vcpu_adopt(0)) {
		fputs("nestling: cannot set up the main thread\n", stderr);
		return 1;
	}
	arch_start(argc, argv, envp);
}
