/* SPDX-License-Identifier: MIT */
/*
 * answers.c: withdraws the answers to getpid() and similar calls that guest code takes without
 * entering the kernel (arch.h, skas/answers.c).
 */
#include "arch/um/internal.h"
#include "kernel/sched/sched.h"
#include "skas/skas.h"

void arch_answers_revoke(void)
{
	skas_answers_revoke();
}

void arch_answers_forget(void)
{
	current->arch.answers_at = 0;
}
