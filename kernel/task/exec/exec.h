/* SPDX-License-Identifier: MIT */
/*
 * exec.h: declarations shared by the files of exec, and struct bprm: the data of an exec before its
 * point of no return. The functions may sleep, and return 0 or -errno except where said.
 */
#ifndef NESTLING_TASK_EXEC_H
#define NESTLING_TASK_EXEC_H

#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

#define BPRM_BUF 256
/* Pages for 6.25 MiB: Linux's limit of 6 MiB, and the file's name. */
#define ARG_AREA_PAGES 1600
#define ARG_AREA ((u64)ARG_AREA_PAGES * PAGE_SIZE)
#define MAX_ARG_STRLEN (32 * PAGE_SIZE)

/*
 * The strings of argv and envp before the new stack exists. They are filled in from the end towards
 * the start.
 */
struct exec_args {
	/* ARG_AREA_PAGES pointers. NULL: nothing was written to that page. */
	u8 **pages;
	u64 p;          /* offset of the lowest string so far */
	u64 min;        /* lower bound of @p, by the limits */
	int argc, envc; /* numbers of strings */
	u64 exec;       /* offset of the file's name */
};

struct bprm {
	/* The file to run: first the script, then the script's interpreter. */
	struct file *file;
	char buf[BPRM_BUF];   /* its first bytes, padded with zeros */
	const char *filename; /* name given by the caller */
	/*
	 * Name of the last interpreter, from kmalloc(). NULL: there is none, and filename is used.
	 */
	char *interp;
	char *fdpath; /* /dev/fd/N..., for execveat(); kmalloc() */
	/* True if the caller gave a descriptor of the program, without a path. */
	bool by_descriptor;
	/* True if the name in @fdpath becomes invalid at close-on-exec. */
	bool path_inaccessible;
	int depth; /* interpreters so far */
	/* The file that the interpreter gets as an open descriptor (AT_EXECFD), or NULL. */
	struct file *executable;
	/*
	 * True if set-id bits and capabilities are taken from @executable, not from the
	 * interpreter.
	 */
	bool its_creds;
	/*
	 * Sets AT_FLAGS_PRESERVE_ARGV0: the interpreter finds the original argv[0] after the file's
	 * name.
	 */
	bool keep_argv0;
	/*
	 * execfd_at: address of the value of AT_EXECFD on the new stack. execfd_nr: index of the
	 * value in mm->auxv.
	 */
	u64 execfd_at;
	u32 execfd_nr;
	struct exec_args args;
	struct cred *cred; /* the new credentials */
	u32 per_clear;     /* personality bits to clear */
	u32 unsafe;        /* UNSAFE_* */
	bool secure;       /* AT_SECURE */
	bool nondump;      /* true if the caller may not read the file */
	/*
	 * If @nondump: the user namespace whose root may access the process nevertheless. It is
	 * current's or an ancestor of current's.
	 */
	struct user_namespace *dump_ns;
	/* The new image, built by the ELF loader. */
	struct mm *mm;
	u64 entry, sp;
	/* True after the old program is lost, so that an error kills the task. */
	bool too_late;
};
/* Bits of bprm.unsafe. UNSAFE_SHARE: another process shares root and working directory. */
#define UNSAFE_SHARE 1
#define UNSAFE_PTRACE 2 /* the tracer has no CAP_SYS_PTRACE */
#define UNSAFE_NO_NEW_PRIVS 4

/* exec_args.c */
/* Make an empty area, which args_free() frees. */
int args_init(struct exec_args *a);
void args_free(struct exec_args *a);
/* Sets args->min by the limits, after argc and envc are known. Returns 0 or -E2BIG. */
int args_limits(struct exec_args *a);
/*
 * Counts the strings of a guest's vector; a NULL vector has none. Returns the number, -EFAULT,
 * -E2BIG, or -ERESTARTNOHAND if current is being killed.
 */
int args_count(uaddr_t vec);
/*
 * args_push_user() pushes the first @n strings of a guest's vector, the last string first;
 * args_push_kernel() pushes a string of the kernel. -E2BIG: too long, or beyond args->min;
 * -ENOMEM; -EFAULT; -ERESTARTNOHAND: current is being killed.
 */
int args_push_user(struct exec_args *a, uaddr_t vec, int n);
int args_push_kernel(struct exec_args *a, const char *s);
int args_remove_first(struct exec_args *a); /* drops argv[0] */
int args_write(
	const struct exec_args *a, struct mm *mm, u64 top); /* to [top - (ARG_AREA - p), top) */

/* exec_cred.c */
/*
 * Applies set-id bits and capabilities to b->cred: those of b->file, or with b->its_creds those of
 * b->executable. Returns 0 or -errno, -EPERM if the file needs capabilities that current may not
 * get.
 */
int bprm_creds(struct bprm *b);
/* Sets nondump and dump_ns if current may not read @f. */
void bprm_note_reading(struct bprm *b, struct file *f);

/*
 * binfmt_misc.c, binfmt_script.c, binfmt_elf.c: load a program. Return 0, -ENOEXEC if it has
 * another format, or another -errno. load_misc() and load_script() return 0 after they have
 * replaced b->file by an interpreter, which the caller must load next.
 */
int load_misc(struct bprm *b);
int load_script(struct bprm *b);
int load_elf(struct bprm *b);                    /* builds b->mm, b->entry, b->sp */
int bprm_open(struct bprm *b, const char *name); /* replaces b->file, reads its first bytes */
/*
 * As bprm_open(), for a file that is open already and denies writers. Takes over the reference,
 * also on failure.
 */
int bprm_take(struct bprm *b, struct file *f);
/* Reads exactly @n bytes at @pos. Returns 0 or -errno; -ENOEXEC if the file is shorter. */
int read_exact(struct file *f, void *buf, size_t n, u64 pos);
/* Returns a random multiple of the page size, in bytes, below 2^bits pages. */
u64 random_pages(u32 bits);
#define BPRM_PERSONALITY(b) (current->personality & ~(b)->per_clear)
#define ADDR_NO_RANDOMIZE_BIT 0x0040000
#define READ_IMPLIES_EXEC_BIT 0x0400000
extern int sysctl_randomize_va_space;

#endif
