/* SPDX-License-Identifier: MIT */
/*
 * exec.h: declarations shared by the files of exec, and struct bprm: the data of an exec before its
 * point of no return.
 */
#ifndef NESTLING_TASK_EXEC_H
#define NESTLING_TASK_EXEC_H

#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

#define BPRM_BUF 256
/* 6.25 MiB: Linux's limit of 6 MiB, and the file's name */
#define ARG_AREA_PAGES 1600
#define ARG_AREA ((u64)ARG_AREA_PAGES * PAGE_SIZE)
#define MAX_ARG_STRLEN (32 * PAGE_SIZE)

/*
 * The strings of argv and envp before the new stack exists. They are filled in from the end towards
 * the start.
 */
struct exec_args {
	/* ARG_AREA_PAGES pointers; NULL where nothing was written */
	u8 **pages;
	u64 p;   /* lower bound of @p, by the limits */
	u64 min; /* the strings may not go below */
	int argc, envc;
	u64 exec; /* offset of the file's name */
};

struct bprm {
	/* the file to run: first the script, then its interpreter */
	struct file *file;
	char buf[BPRM_BUF];   /* its first bytes, zero behind its end */
	const char *filename; /* name given by the caller */
	/*
	 * name of the last interpreter, from kmalloc(); NULL: there is none, and filename applies
	 */
	char *interp;
	char *fdpath; /* /dev/fd/N..., for execveat(); kmalloc() */
	/* true if the program was named by a descriptor, without a path */
	bool by_descriptor;
	/* true if the name in @fdpath becomes invalid at close-on-exec */
	bool path_inaccessible;
	int depth; /* interpreters so far */
	/* file that the interpreter gets as an open descriptor (AT_EXECFD), or NULL */
	struct file *executable;
	/*
	 * true if set-id bits and capabilities are taken from @executable, not from the interpreter
	 */
	bool its_creds;
	/*
	 * sets AT_FLAGS_PRESERVE_ARGV0: the interpreter finds the original argv[0] behind the
	 * file's name
	 */
	bool keep_argv0;
	/*
	 * execfd_at: address of the value of AT_EXECFD on the new stack; execfd_nr: its index in
	 * mm->auxv
	 */
	u64 execfd_at;
	u32 execfd_nr;
	struct exec_args args;
	struct cred *cred; /* the new credentials */
	u32 per_clear;     /* personality bits to clear */
	u32 unsafe;
	bool secure;  /* AT_SECURE */
	bool nondump; /* true if the caller may not read the file */
	/*
	 * If @nondump: the namespace whose root may access the process nevertheless. It is
	 * current's or an ancestor of it.
	 */
	struct user_namespace *dump_ns;
	/* the new image, built by the ELF loader */
	struct mm *mm;
	u64 entry, sp;
	/* true once an error kills the task, as the old program is lost */
	bool too_late;
};
#define UNSAFE_SHARE 1
#define UNSAFE_PTRACE 2 /* the tracer has no CAP_SYS_PTRACE */
#define UNSAFE_NO_NEW_PRIVS 4

/* exec_args.c */
int args_init(struct exec_args *a);
void args_free(struct exec_args *a);
/* Sets args->min by the limits, once argc and envc are known. 0 or -E2BIG. */
int args_limits(struct exec_args *a);
/* Counts the strings of a guest's vector. Returns the number, -EFAULT or -E2BIG. */
int args_count(uaddr_t vec);
int args_push_user(struct exec_args *a, uaddr_t vec, int n); /* pushes the last string first */
int args_push_kernel(struct exec_args *a, const char *s);
int args_remove_first(struct exec_args *a); /* argv[0] */
int args_write(
	const struct exec_args *a, struct mm *mm, u64 top); /* to [top - (ARG_AREA - p), top) */

/* exec_cred.c */
/* Applies set-id bits and capabilities of b->file to b->cred. */
int bprm_creds(struct bprm *b);
void bprm_note_reading(struct bprm *b, struct file *f); /* sets nondump and dump_ns */

/*
 * binfmt_misc.c, binfmt_script.c, binfmt_elf.c: load a program. 0, -ENOEXEC if it has another
 * format, or another -errno. After 0 the first two have replaced b->file by an interpreter, which
 * is to be loaded next.
 */
int load_misc(struct bprm *b);
int load_script(struct bprm *b);
int load_elf(struct bprm *b);                    /* builds b->mm, b->entry, b->sp */
int bprm_open(struct bprm *b, const char *name); /* replaces b->file, reads its first bytes */
/* As bprm_open(), for a file that is open already and denies writers. Takes the reference. */
int bprm_take(struct bprm *b, struct file *f);
/* Reads exactly @n bytes at @pos, or returns -errno. */
int read_exact(struct file *f, void *buf, size_t n, u64 pos);
/* Returns a random number of bytes: a number of pages below 2^bits. */
u64 random_pages(u32 bits);
#define BPRM_PERSONALITY(b) (current->personality & ~(b)->per_clear)
#define ADDR_NO_RANDOMIZE_BIT 0x0040000
#define READ_IMPLIES_EXEC_BIT 0x0400000
extern int sysctl_randomize_va_space;

#endif
