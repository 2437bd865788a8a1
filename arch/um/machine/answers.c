/* SPDX-License-Identifier: MIT */
/*
 * answers.c: the end of answers to getpid() and its kin that guest code takes without a call
 * (arch.h, skas/answers.c).
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
