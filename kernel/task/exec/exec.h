/* SPDX-License-Identifier: MIT */
/*
 * exec.h: declarations shared by the files of exec: the data gathered before the point of no
 * return.
 */
#ifndef NESTLING_TASK_EXEC_H
#define NESTLING_TASK_EXEC_H

#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

#define BPRM_BUF 256
/* 6.25 MiB: Linux's limit of 6 MiB and some room */
#define ARG_AREA_PAGES 1600
#define ARG_AREA ((u64)ARG_AREA_PAGES * PAGE_SIZE)
#define MAX_ARG_STRLEN (32 * PAGE_SIZE)

/* The strings of argv and envp before there is a stack: filled from the end towards the start. */
struct exec_args {
	/* ARG_AREA_PAGES, NULL where nothing was written */
	u8 **pages;
	u64 p;   /* offset of the lowest byte in use */
	u64 min; /* the strings may not go below */
	int argc, envc;
	u64 exec; /* offset of the file's name */
};

struct bprm {
	/* what to run: first the script, then its interpreter */
	struct file *file;
	char buf[BPRM_BUF];   /* its beginning, zero behind its end */
	const char *filename; /* as the caller named it */
	/* the last interpreter's name, kmalloc'd; NULL: filename */
	char *interp;
	char *fdpath; /* /dev/fd/N..., for execveat; kmalloc'd */
	/* it is that of a descriptor, without a path */
	bool by_descriptor;
	/* the name would be gone after close-on-exec */
	bool path_inaccessible;
	int depth; /* interpreters so far */
	/* what an interpreter is handed open (AT_EXECFD), or NULL */
	struct file *executable;
	/* set-id bits and capabilities are those of this file, not the interpreter's */
	bool its_creds;
	/* AT_FLAGS: the interpreter finds the original argv[0] behind the file's name */
	bool keep_argv0;
	/* place of that vector's value on the new stack, and in auxv */
	u64 execfd_at;
	u32 execfd_nr;
	struct exec_args args;
	struct cred *cred; /* the credentials to be */
	u32 per_clear;     /* personality bits that go */
	u32 unsafe;
	bool secure;  /* AT_SECURE */
	bool nondump; /* not readable by the caller */
	/*
	 * With nondump: the namespace whose root may access the process all the same; current's or
	 * an ancestor of it.
	 */
	struct user_namespace *dump_ns;
	/* the new image, built by the ELF loader */
	struct mm *mm;
	u64 entry, sp;
	/* from now on an error kills the task */
	bool too_late;
};
#define UNSAFE_SHARE 1
#define UNSAFE_PTRACE 2 /* by a tracer without CAP_SYS_PTRACE */
#define UNSAFE_NO_NEW_PRIVS 4

/* exec_args.c */
int args_init(struct exec_args *a);
void args_free(struct exec_args *a);
/* Sets the limits, when argc and envc are known: 0 or -E2BIG. */
int args_limits(struct exec_args *a);
/* Counts the strings of a guest's vector; -EFAULT, -E2BIG. */
int args_count(uaddr_t vec);
int args_push_user(struct exec_args *a, uaddr_t vec, int n); /* the last one first */
int args_push_kernel(struct exec_args *a, const char *s);
int args_remove_first(struct exec_args *a); /* argv[0] */
int args_write(
	const struct exec_args *a, struct mm *mm, u64 top); /* to [top - (ARG_AREA - p), top) */

/* exec_cred.c */
/* Applies set-id bits and capabilities of b->file to b->cred. */
int bprm_creds(struct bprm *b);
void bprm_note_reading(struct bprm *b, struct file *f); /* nondump, dump_ns */

/*
 * binfmt_misc.c, binfmt_script.c, binfmt_elf.c: Load a program; -ENOEXEC: it is of another format.
 * The first two have replaced b->file when they return 0.
 */
int load_misc(struct bprm *b);
int load_script(struct bprm *b);
int load_elf(struct bprm *b);                    /* builds b->mm, b->entry, b->sp */
int bprm_open(struct bprm *b, const char *name); /* replaces b->file, reads its beginning */
/* Does what bprm_open() does with an open file, to which writers are denied. */
int bprm_take(struct bprm *b, struct file *f);
/* Reads exactly @n bytes at @pos, or returns -errno. */
int read_exact(struct file *f, void *buf, size_t n, u64 pos);
/* Returns a random number of bytes, a multiple of the page size below 2^bits pages. */
u64 random_pages(u32 bits);
#define BPRM_PERSONALITY(b) (current->personality & ~(b)->per_clear)
#define ADDR_NO_RANDOMIZE_BIT 0x0040000
#define READ_IMPLIES_EXEC_BIT 0x0400000
extern int sysctl_randomize_va_space;

#endif
