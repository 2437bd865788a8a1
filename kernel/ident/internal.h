/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/ident. */
#ifndef NESTLING_IDENT_INTERNAL_H
#define NESTLING_IDENT_INTERNAL_H

#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/ident/thread_group.h"
#include "kernel/lib/alloc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#endif
