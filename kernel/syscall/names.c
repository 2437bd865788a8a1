/* SPDX-License-Identifier: MIT */
/*
 * names.c: numbers of the system-call interface as text, for tracing. Pure functions, no locks, no
 * guest memory.
 */
#include "kernel/lib/string.h"
#include "kernel/syscall/internal.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <asm/signal.h>
#include <linux/fs.h>
#include <linux/time.h>

#define NAME(x) [x] = #x
#define FLAG(x) .bits = x, .name = #x

static const char *const errno_names[] = { NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR),
	NAME(EIO), NAME(ENXIO), NAME(E2BIG), NAME(ENOEXEC), NAME(EBADF), NAME(ECHILD), NAME(EAGAIN),
	NAME(ENOMEM), NAME(EACCES), NAME(EFAULT), NAME(ENOTBLK), NAME(EBUSY), NAME(EEXIST),
	NAME(EXDEV), NAME(ENODEV), NAME(ENOTDIR), NAME(EISDIR), NAME(EINVAL), NAME(ENFILE),
	NAME(EMFILE), NAME(ENOTTY), NAME(ETXTBSY), NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE),
	NAME(EROFS), NAME(EMLINK), NAME(EPIPE), NAME(EDOM), NAME(ERANGE), NAME(EDEADLK),
	NAME(ENAMETOOLONG), NAME(ENOLCK), NAME(ENOSYS), NAME(ENOTEMPTY), NAME(ELOOP), NAME(ENOMSG),
	NAME(EIDRM), NAME(ECHRNG), NAME(EL2NSYNC), NAME(EL3HLT), NAME(EL3RST), NAME(ELNRNG),
	NAME(EUNATCH), NAME(ENOCSI), NAME(EL2HLT), NAME(EBADE), NAME(EBADR), NAME(EXFULL),
	NAME(ENOANO), NAME(EBADRQC), NAME(EBADSLT), NAME(EBFONT), NAME(ENOSTR), NAME(ENODATA),
	NAME(ETIME), NAME(ENOSR), NAME(ENONET), NAME(ENOPKG), NAME(EREMOTE), NAME(ENOLINK),
	NAME(EADV), NAME(ESRMNT), NAME(ECOMM), NAME(EPROTO), NAME(EMULTIHOP), NAME(EDOTDOT),
	NAME(EBADMSG), NAME(EOVERFLOW), NAME(ENOTUNIQ), NAME(EBADFD), NAME(EREMCHG), NAME(ELIBACC),
	NAME(ELIBBAD), NAME(ELIBSCN), NAME(ELIBMAX), NAME(ELIBEXEC), NAME(EILSEQ), NAME(ERESTART),
	NAME(ESTRPIPE), NAME(EUSERS), NAME(ENOTSOCK), NAME(EDESTADDRREQ), NAME(EMSGSIZE),
	NAME(EPROTOTYPE), NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT), NAME(ESOCKTNOSUPPORT),
	NAME(EOPNOTSUPP), NAME(EPFNOSUPPORT), NAME(EAFNOSUPPORT), NAME(EADDRINUSE),
	NAME(EADDRNOTAVAIL), NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENETRESET), NAME(ECONNABORTED),
	NAME(ECONNRESET), NAME(ENOBUFS), NAME(EISCONN), NAME(ENOTCONN), NAME(ESHUTDOWN),
	NAME(ETOOMANYREFS), NAME(ETIMEDOUT), NAME(ECONNREFUSED), NAME(EHOSTDOWN),
	NAME(EHOSTUNREACH), NAME(EALREADY), NAME(EINPROGRESS), NAME(ESTALE), NAME(EUCLEAN),
	NAME(ENOTNAM), NAME(ENAVAIL), NAME(EISNAM), NAME(EREMOTEIO), NAME(EDQUOT), NAME(ENOMEDIUM),
	NAME(EMEDIUMTYPE), NAME(ECANCELED), NAME(ENOKEY), NAME(EKEYEXPIRED), NAME(EKEYREVOKED),
	NAME(EKEYREJECTED), NAME(EOWNERDEAD), NAME(ENOTRECOVERABLE), NAME(ERFKILL), NAME(EHWPOISON),
	/* Results that no guest sees: */
	NAME(ERESTARTSYS), NAME(ERESTARTNOINTR), NAME(ERESTARTNOHAND),
	NAME(ERESTART_RESTARTBLOCK) };

static const char *const signal_names[] = { NAME(SIGHUP), NAME(SIGINT), NAME(SIGQUIT), NAME(SIGILL),
	NAME(SIGTRAP), NAME(SIGABRT), NAME(SIGBUS), NAME(SIGFPE), NAME(SIGKILL), NAME(SIGUSR1),
	NAME(SIGSEGV), NAME(SIGUSR2), NAME(SIGPIPE), NAME(SIGALRM), NAME(SIGTERM), NAME(SIGSTKFLT),
	NAME(SIGCHLD), NAME(SIGCONT), NAME(SIGSTOP), NAME(SIGTSTP), NAME(SIGTTIN), NAME(SIGTTOU),
	NAME(SIGURG), NAME(SIGXCPU), NAME(SIGXFSZ), NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH),
	NAME(SIGIO), NAME(SIGPWR), NAME(SIGSYS) };

static const char *const whence_names[] = { NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END),
	NAME(SEEK_DATA), NAME(SEEK_HOLE) };

static const char *const clock_names[] = { NAME(CLOCK_REALTIME), NAME(CLOCK_MONOTONIC),
	NAME(CLOCK_PROCESS_CPUTIME_ID), NAME(CLOCK_THREAD_CPUTIME_ID), NAME(CLOCK_MONOTONIC_RAW),
	NAME(CLOCK_REALTIME_COARSE), NAME(CLOCK_MONOTONIC_COARSE), NAME(CLOCK_BOOTTIME),
	NAME(CLOCK_REALTIME_ALARM), NAME(CLOCK_BOOTTIME_ALARM), NAME(CLOCK_TAI) };

struct flag {
	/* Bits that must all be set. A flag that contains another flag's bits comes first. */
	u64 bits;
	const char *name;
};

static const struct flag open_flags[] = { { FLAG(O_CREAT) }, { FLAG(O_EXCL) }, { FLAG(O_NOCTTY) },
	{ FLAG(O_TRUNC) }, { FLAG(O_APPEND) }, { FLAG(O_NONBLOCK) }, { FLAG(O_SYNC) },
	{ FLAG(O_DSYNC) }, { FLAG(FASYNC) }, { FLAG(O_DIRECT) }, { FLAG(O_LARGEFILE) },
	{ FLAG(O_TMPFILE) }, { FLAG(O_DIRECTORY) }, { FLAG(O_NOFOLLOW) }, { FLAG(O_NOATIME) },
	{ FLAG(O_CLOEXEC) }, { FLAG(O_PATH) }, { 0, NULL } };

static const struct flag prot_flags[] = { { FLAG(PROT_READ) }, { FLAG(PROT_WRITE) },
	{ FLAG(PROT_EXEC) }, { FLAG(PROT_GROWSDOWN) }, { FLAG(PROT_GROWSUP) }, { 0, NULL } };

static const struct flag map_flags[] = { { FLAG(MAP_SHARED_VALIDATE) }, { FLAG(MAP_SHARED) },
	{ FLAG(MAP_PRIVATE) }, { FLAG(MAP_FIXED) }, { FLAG(MAP_ANONYMOUS) }, { FLAG(MAP_32BIT) },
	{ FLAG(MAP_GROWSDOWN) }, { FLAG(MAP_DENYWRITE) }, { FLAG(MAP_EXECUTABLE) },
	{ FLAG(MAP_LOCKED) }, { FLAG(MAP_NORESERVE) }, { FLAG(MAP_POPULATE) },
	{ FLAG(MAP_NONBLOCK) }, { FLAG(MAP_STACK) }, { FLAG(MAP_HUGETLB) }, { FLAG(MAP_SYNC) },
	{ FLAG(MAP_FIXED_NOREPLACE) }, { 0, NULL } };

static const char *name_of(const char *const *names, size_t n, u64 v)
{
	return v < n ? names[v] : NULL;
}

const char *errno_name(int err)
{
	return name_of(errno_names, ARRAY_SIZE(errno_names), (u64)(s64)err);
}

static size_t put(char *buf, size_t size, size_t len, const char *text)
{
	return len + (size_t)scnprintf(buf + len, size - len, "%s", text);
}

static size_t put_hex(char *buf, size_t size, size_t len, u64 v)
{
	return len +
	       (size_t)scnprintf(buf + len, size - len, v ? "0x%lx" : "%lu", (unsigned long)v);
}

/* Appends @name, or the number @v if @name is NULL. */
static size_t put_name(char *buf, size_t size, size_t len, const char *name, s64 v)
{
	if (name)
		return put(buf, size, len, name);
	return len + (size_t)scnprintf(buf + len, size - len, "%ld", (long)v);
}

/*
 * Appends the names of the bits of @v: "A|B|0x40". @some: a name precedes them, so a | comes first.
 */
static size_t put_flags(char *buf, size_t size, size_t len, const struct flag *f, u64 v, bool some)
{
	for (; f->name; f++) {
		if ((v & f->bits) != f->bits)
			continue;
		v &= ~f->bits;
		len = put(buf, size, len, some ? "|" : "");
		len = put(buf, size, len, f->name);
		some = true;
	}
	if (some && !v)
		return len;
	return put_hex(buf, size, put(buf, size, len, some ? "|" : ""), v);
}

static size_t put_oflags(char *buf, size_t size, size_t len, u32 v)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	len = put(buf, size, len, access[v & O_ACCMODE]);
	return put_flags(buf, size, len, open_flags, v & ~(u32)O_ACCMODE, true);
}

size_t format_arg(char *buf, size_t size, size_t len, enum syscall_arg type, u64 v)
{
	int i = (int)v;

	switch (type) {
	case SYSCALL_ARG_INT:
	case SYSCALL_ARG_PID:
	case SYSCALL_ARG_UID: return put_name(buf, size, len, NULL, i);
	case SYSCALL_ARG_FD: return put_name(buf, size, len, i == AT_FDCWD ? "AT_FDCWD" : NULL, i);
	case SYSCALL_ARG_LONG:
	case SYSCALL_ARG_LOFF_T: return put_name(buf, size, len, NULL, (s64)v);
	case SYSCALL_ARG_UINT: return len + (size_t)scnprintf(buf + len, size - len, "%u", (u32)v);
	case SYSCALL_ARG_ULONG:
	case SYSCALL_ARG_SIZE_T:
		return len + (size_t)scnprintf(buf + len, size - len, "%lu", (unsigned long)v);
	case SYSCALL_ARG_UADDR:
	case SYSCALL_ARG_ADDR:
	case SYSCALL_ARG_PATH: return v ? put_hex(buf, size, len, v) : put(buf, size, len, "NULL");
	case SYSCALL_ARG_FLAGS: return put_hex(buf, size, len, (u32)v);
	case SYSCALL_ARG_MODE: return len + (size_t)scnprintf(buf + len, size - len, "%#o", (u32)v);
	case SYSCALL_ARG_OFLAGS: return put_oflags(buf, size, len, (u32)v);
	case SYSCALL_ARG_PROT:
		return v ? put_flags(buf, size, len, prot_flags, v, false) :
			   put(buf, size, len, "PROT_NONE");
	case SYSCALL_ARG_MFLAGS: return put_flags(buf, size, len, map_flags, v, false);
	case SYSCALL_ARG_SIG:
		return put_name(buf, size, len,
			name_of(signal_names, ARRAY_SIZE(signal_names), (u64)(s64)i), i);
	case SYSCALL_ARG_WHENCE:
		return put_name(buf, size, len,
			name_of(whence_names, ARRAY_SIZE(whence_names), (u64)(s64)i), i);
	case SYSCALL_ARG_CLOCKID:
		return put_name(buf, size, len,
			name_of(clock_names, ARRAY_SIZE(clock_names), (u64)(s64)i), i);
	}
	return put_hex(buf, size, len, v);
}

size_t format_quoted(char *buf, size_t size, size_t len, const char *text, size_t n, bool more)
{
	size_t i;

	len = put(buf, size, len, "\"");
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';

		len += (size_t)scnprintf(buf + len, size - len, plain ? "%c" : "\\%03o", c);
	}
	return put(buf, size, len, more ? "\"..." : "\"");
}
