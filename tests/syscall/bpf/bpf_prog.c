/* SPDX-License-Identifier: MIT */
/*
 * bpf_prog: BPF programs on sockets: what the verifier accepts, what programs compute, their maps,
 * calls and tail calls, and how they read packets.
 */
#include "recorded.h"
#include "bpf.h"
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>

#define INSN(c, d, s, o, i) ((struct bpf_insn){ (c), (d), (s), (o), (i) })
#define MOV(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOVX(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALU(op, d, i) INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALUX(op, d, s) INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALU32(op, d, i) INSN(BPF_ALU | (op) | BPF_K, d, 0, 0, i)
#define ALU32X(op, d, s) INSN(BPF_ALU | (op) | BPF_X, d, s, 0, 0)
#define LDX(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STX(size, d, s, o) INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define ST(size, d, o, i) INSN(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define ATOMIC(size, op, d, s, o) INSN(BPF_STX | BPF_ATOMIC | (size), d, s, o, op)
#define JMP(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JMPX(op, d, s, o) INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JA(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define IMM64(d, v)                                                                                \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (int)(v)),                                        \
		INSN(0, 0, 0, 0, (int)((unsigned long)(v) >> 32))
#define MAP_FD(d, fd)                                                                              \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define CALL_AT(o) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, o)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Sets r0 to a pointer to the value of key @k in the array. Without one the program ends. */
#define VALUE_OF(fd, k)                                                                            \
	ST(BPF_W, 10, -4, k), MOVX(2, 10), ALU(BPF_ADD, 2, -4), MAP_FD(1, fd),                     \
		CALL(BPF_FUNC_map_lookup_elem), JMP(BPF_JNE, 0, 0, 1), EXIT

static int load_with(const struct bpf_insn *p, unsigned n, const char *license)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	a.insns = (unsigned long)p;
	a.insn_cnt = n;
	a.license = (unsigned long)license;
	return (int)bpf(BPF_PROG_LOAD, &a);
}

/* Prints whether the verifier accepts the program. */
static void tried(const char *what, const struct bpf_insn *p, unsigned n)
{
	int fd = load_with(p, n, "GPL");

	say("%s: %s", what, fd < 0 ? t_errno(errno) : "taken");
	if (fd >= 0)
		close(fd);
}
#define TRY(what, ...)                                                                             \
	do {                                                                                       \
		struct bpf_insn p_[] = { __VA_ARGS__ };                                            \
		tried(what, p_, sizeof(p_) / sizeof(p_[0]));                                       \
	} while (0)

static int array_fd;

static unsigned long value(unsigned key)
{
	unsigned long v = 0;

	if (elem(BPF_MAP_LOOKUP_ELEM, array_fd, &key, &v, 0))
		say("no value");
	return v;
}

/* Runs the program on a datagram. Prints whether that passes, and what the array has afterwards. */
static void ran(const char *what, const struct bpf_insn *p, unsigned n)
{
	int fd = load_with(p, n, "GPL"), s[2];
	char buf[64];

	if (fd < 0) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	for (unsigned k = 0; k < 2; k++)
		elem(BPF_MAP_UPDATE_ELEM, array_fd, &k, &(unsigned long){ 0 }, 0);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s));
	NEED(setsockopt(s[1], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)));
	close(fd); /* the socket has it */
	NEED(write(s[0], "0123456789abcdef", 16));
	n = (unsigned)read(s[1], buf, sizeof(buf));
	say("%s: %d, %lx %lx", what, (int)n, value(0), value(1));
	close(s[0]);
	close(s[1]);
}
#define RUN(what, ...)                                                                             \
	do {                                                                                       \
		struct bpf_insn p_[] = { __VA_ARGS__ };                                            \
		ran(what, p_, sizeof(p_) / sizeof(p_[0]));                                         \
	} while (0)
/* Runs the instructions, and stores r6 in the array. */
#define COMPUTE(what, ...)                                                                         \
	RUN(what, __VA_ARGS__, VALUE_OF(array_fd, 0), STX(BPF_DW, 0, 6, 0), MOV(0, -1), EXIT)

static void refusals(void)
{
	TRY("nothing in r0", EXIT);
	TRY("a number", MOV(0, 1), EXIT);
	TRY("for ever", MOV(0, 0), JA(-1), EXIT);
	TRY("for ever, perhaps", MOV(0, 0), JMP(BPF_JEQ, 0, 0, -1), EXIT);
	TRY("past the end", MOV(0, 0), JA(5), EXIT);
	TRY("no end", MOV(0, 0));
	TRY("nothing leads there", MOV(0, 0), EXIT, MOV(0, 1), EXIT);
	TRY("a loop", MOV(0, 100), ALU(BPF_SUB, 0, 1), JMP(BPF_JNE, 0, 0, -2), EXIT);
	TRY("division by 0", MOV(0, 1), ALU(BPF_DIV, 0, 0), EXIT);
	TRY("shift by 64", MOV(0, 1), ALU(BPF_LSH, 0, 64), EXIT);
	TRY("a number as address", MOV(1, 0), LDX(BPF_W, 0, 1, 0), EXIT);
	TRY("above the stack", ST(BPF_W, 10, 0, 0), MOV(0, 0), EXIT);
	TRY("below the stack", ST(BPF_W, 10, -516, 0), MOV(0, 0), EXIT);
	TRY("misaligned stack", ST(BPF_DW, 10, -12, 0), MOV(0, 0), EXIT);
	TRY("r10 written", MOV(10, 0), MOV(0, 0), EXIT);
	TRY("half a spilled pointer", STX(BPF_DW, 10, 1, -8), LDX(BPF_W, 0, 10, -8), EXIT);
	TRY("its pointer back", STX(BPF_DW, 10, 1, -8), LDX(BPF_DW, 2, 10, -8), LDX(BPF_W, 0, 2, 0),
		EXIT);
	TRY("a helper that is none", MOV(0, 0), CALL(9999), EXIT);
	TRY("a moved context", ALU(BPF_ADD, 1, 4), LDX(BPF_W, 0, 1, 0), EXIT);
	TRY("behind the context", LDX(BPF_W, 0, 1, 4000), EXIT);
	TRY("data of a socket filter", LDX(BPF_W, 0, 1, offsetof(struct __sk_buff, data)), EXIT);
	TRY("mark written", MOV(0, 0), STX(BPF_W, 1, 0, offsetof(struct __sk_buff, mark)), EXIT);
	TRY("cb written", MOV(0, 0), STX(BPF_W, 1, 0, offsetof(struct __sk_buff, cb)), EXIT);
	TRY("half a field", LDX(BPF_H, 0, 1, offsetof(struct __sk_buff, protocol)), EXIT);
	TRY("abs without r6", INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0), EXIT);
	TRY("abs", MOVX(6, 1), INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0), EXIT);
	TRY("abs forgets r1", MOVX(6, 1), INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0),
		LDX(BPF_W, 0, 1, 0), EXIT);
	TRY("calls forget r1", MOVX(6, 1), CALL(BPF_FUNC_ktime_get_ns), LDX(BPF_W, 0, 1, 0), EXIT);
	TRY("calls keep r6", MOVX(6, 1), CALL(BPF_FUNC_ktime_get_ns), LDX(BPF_W, 0, 6, 0), EXIT);
}

static void maps(void)
{
	TRY("no descriptor", MAP_FD(1, 999), MOV(0, 0), EXIT);
	TRY("no map", MAP_FD(1, 0), MOV(0, 0), EXIT);
	TRY("not checked", LDX(BPF_W, 2, 1, 0), STX(BPF_W, 10, 2, -4), MOVX(2, 10),
		ALU(BPF_ADD, 2, -4), MAP_FD(1, array_fd), CALL(BPF_FUNC_map_lookup_elem),
		ST(BPF_DW, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("checked", VALUE_OF(array_fd, 0), ST(BPF_DW, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("no map for it", MOVX(2, 10), MOV(1, 0), CALL(BPF_FUNC_map_lookup_elem), MOV(0, 0),
		EXIT);
	TRY("behind the value", VALUE_OF(array_fd, 0), ST(BPF_W, 0, 8, 1), MOV(0, 0), EXIT);
	TRY("across its end", VALUE_OF(array_fd, 0), ST(BPF_W, 0, 6, 1), MOV(0, 0), EXIT);
	TRY("before it", VALUE_OF(array_fd, 0), ST(BPF_W, 0, -4, 1), MOV(0, 0), EXIT);
	TRY("by what is not known", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0),
		ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("by what was masked", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0), ALU(BPF_AND, 1, 7),
		ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("masked, one too many", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0),
		ALU(BPF_AND, 1, 15), ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("compared, unsigned", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0),
		JMP(BPF_JGT, 1, 7, 2), ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("compared, signed", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0), JMP(BPF_JSGT, 1, 7, 2),
		ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("compared by a copy", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0), MOVX(2, 1),
		JMP(BPF_JGT, 2, 7, 2), ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("32 bits compared, 64 used", VALUE_OF(array_fd, 0), LDX(BPF_DW, 1, 0, 0),
		INSN(BPF_JMP32 | BPF_JGT | BPF_K, 1, 0, 2, 7), ALUX(BPF_ADD, 0, 1),
		ST(BPF_B, 0, 0, 1), MOV(0, 0), EXIT);
	TRY("a sum that wraps in 32 bits", VALUE_OF(array_fd, 0), LDX(BPF_W, 1, 0, 0),
		ALU32(BPF_OR, 1, -8), ALU32(BPF_ADD, 1, 8), ALUX(BPF_ADD, 0, 1), ST(BPF_B, 0, 0, 1),
		MOV(0, 0), EXIT);
	TRY("pointer arithmetic before the check", LDX(BPF_W, 2, 1, 0), STX(BPF_W, 10, 2, -4),
		MOVX(2, 10), ALU(BPF_ADD, 2, -4), MAP_FD(1, array_fd),
		CALL(BPF_FUNC_map_lookup_elem), ALU(BPF_ADD, 0, 4), JMP(BPF_JNE, 0, 0, 1), EXIT,
		ST(BPF_W, 0, 0, 1), MOV(0, 0), EXIT);
}

static void arithmetic(void)
{
	COMPUTE("add", IMM64(6, 0xffffffff00000001), ALU(BPF_ADD, 6, -1));
	COMPUTE("add32", IMM64(6, 0xffffffffffffffff), ALU32(BPF_ADD, 6, 2));
	COMPUTE("div 0", MOV(6, 5), MOV(1, 0), ALUX(BPF_DIV, 6, 1));
	COMPUTE("mod 0", MOV(6, 5), MOV(1, 0), ALUX(BPF_MOD, 6, 1));
	COMPUTE("mod32 0", MOV(6, -5), MOV(1, 0), ALU32X(BPF_MOD, 6, 1));
	COMPUTE("div32", MOV(6, -5), ALU32(BPF_DIV, 6, 2));
	COMPUTE("arsh", MOV(6, -5), ALU(BPF_ARSH, 6, 1));
	COMPUTE("arsh32", MOV(6, -5), ALU32(BPF_ARSH, 6, 1));
	COMPUTE("lsh by a register", MOV(6, 3), MOV(1, 65), ALU(BPF_AND, 1, 63),
		ALUX(BPF_LSH, 6, 1));
	COMPUTE("be16", IMM64(6, 0x1122334455667788),
		INSN(BPF_ALU | BPF_END | BPF_TO_BE, 6, 0, 0, 16));
	COMPUTE("be64", IMM64(6, 0x1122334455667788),
		INSN(BPF_ALU | BPF_END | BPF_TO_BE, 6, 0, 0, 64));
	COMPUTE("le32", IMM64(6, 0x1122334455667788),
		INSN(BPF_ALU | BPF_END | BPF_TO_LE, 6, 0, 0, 32));
	COMPUTE("fetch add", ST(BPF_DW, 10, -16, 7), MOV(6, 5),
		ATOMIC(BPF_DW, BPF_ADD | BPF_FETCH, 10, 6, -16), LDX(BPF_DW, 1, 10, -16),
		ALU(BPF_LSH, 1, 8), ALUX(BPF_OR, 6, 1));
	COMPUTE("xchg32", ST(BPF_DW, 10, -16, -1), MOV(6, 5), ATOMIC(BPF_W, BPF_XCHG, 10, 6, -16));
	COMPUTE("cmpxchg", ST(BPF_DW, 10, -16, 7), MOV(0, 7), MOV(1, 9),
		ATOMIC(BPF_DW, BPF_CMPXCHG, 10, 1, -16), LDX(BPF_DW, 6, 10, -16));
	COMPUTE("a sum by a loop", MOV(6, 0), MOV(1, 0), ALUX(BPF_ADD, 6, 1), ALU(BPF_ADD, 1, 1),
		JMP(BPF_JLT, 1, 50, -3));
}

static void on_alarm(int sig)
{
}

/*
 * The verifier takes long to refuse this program, and a signal interrupts it. Signals are repeated,
 * since the first may come too early.
 */
static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval soon = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 5000 },
			 never = { .it_value.tv_usec = 0 };

	NEED(sigaction(SIGALRM, &sa, NULL));
	NEED(setitimer(ITIMER_REAL, &soon, NULL));
	TRY("a long loop and a signal", MOV(0, 0), ALU(BPF_ADD, 0, 1),
		JMP(BPF_JNE, 0, 2000000000, -2), EXIT);
	NEED(setitimer(ITIMER_REAL, &never, NULL));
}

static void packets(void)
{
	COMPUTE("length", LDX(BPF_W, 6, 1, offsetof(struct __sk_buff, len)));
	COMPUTE("cb", ST(BPF_DW, 10, -16, 0), MOV(2, 77),
		STX(BPF_W, 1, 2, offsetof(struct __sk_buff, cb[1])),
		LDX(BPF_W, 6, 1, offsetof(struct __sk_buff, cb[1])));
	COMPUTE("cb, eight bytes", MOV(2, -77),
		STX(BPF_DW, 1, 2, offsetof(struct __sk_buff, cb[0])),
		LDX(BPF_DW, 6, 1, offsetof(struct __sk_buff, cb[0])));
	COMPUTE("abs", MOVX(6, 1), INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 2), MOVX(6, 0));
	COMPUTE("abs, byte", MOVX(6, 1), INSN(BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, 15), MOVX(6, 0));
	COMPUTE("abs, behind the end", MOVX(6, 1), INSN(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 14),
		MOVX(6, 0));
	COMPUTE("ind", MOVX(6, 1), MOV(7, 3), INSN(BPF_LD | BPF_IND | BPF_H, 0, 7, 0, 1),
		MOVX(6, 0));
	COMPUTE("bytes", MOV(2, 4), MOVX(3, 10), ALU(BPF_ADD, 3, -16), MOV(4, 8),
		CALL(BPF_FUNC_skb_load_bytes), LDX(BPF_DW, 6, 10, -16), ALUX(BPF_ADD, 6, 0));
	COMPUTE("bytes, behind the end", MOV(2, 12), MOVX(3, 10), ALU(BPF_ADD, 3, -16), MOV(4, 8),
		CALL(BPF_FUNC_skb_load_bytes), LDX(BPF_DW, 6, 10, -16), ALUX(BPF_ADD, 6, 0));
	RUN("all of it", MOV(0, -1), EXIT);
	RUN("five bytes", MOV(0, 5), EXIT);
	RUN("none", MOV(0, 0), EXIT);
}

static void calls(void)
{
	int hash = make_map(BPF_MAP_TYPE_HASH, 4, 8, 8, 0, NULL),
	    table = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0, NULL);
	int queue = make_map(BPF_MAP_TYPE_QUEUE, 0, 8, 2, 0, NULL);
	unsigned key = 1;
	unsigned long v = 3;
	int fd, id;

	RUN("a function", MOV(1, 5), CALL_AT(12), MOVX(6, 0), VALUE_OF(array_fd, 0),
		STX(BPF_DW, 0, 6, 0), MOV(0, -1), EXIT, MOVX(0, 1), ALU(BPF_ADD, 0, 7), EXIT);
	RUN("with its own stack", ST(BPF_DW, 10, -8, 1), MOV(1, 5), CALL_AT(14), MOVX(6, 0),
		LDX(BPF_DW, 1, 10, -8), ALUX(BPF_ADD, 6, 1), VALUE_OF(array_fd, 0),
		STX(BPF_DW, 0, 6, 0), MOV(0, 1), EXIT, ST(BPF_DW, 10, -8, 100),
		LDX(BPF_DW, 0, 10, -8), ALUX(BPF_ADD, 0, 1), EXIT);
	RUN("hash: update and look", ST(BPF_W, 10, -4, 7), ST(BPF_DW, 10, -16, 1234),
		MAP_FD(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4), MOVX(3, 10),
		ALU(BPF_ADD, 3, -16), MOV(4, 0), CALL(BPF_FUNC_map_update_elem), MOVX(7, 0),
		MAP_FD(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4), CALL(BPF_FUNC_map_lookup_elem),
		JMP(BPF_JEQ, 0, 0, 13), LDX(BPF_DW, 6, 0, 0), VALUE_OF(array_fd, 0),
		STX(BPF_DW, 0, 6, 0), STX(BPF_DW, 0, 6, 0), MOV(0, 3), EXIT, MOV(0, 2), EXIT);
	key = 7;
	T(elem(BPF_MAP_LOOKUP_ELEM, hash, &key, &v, 0));
	say("%lu", v);
	RUN("hash: delete", ST(BPF_W, 10, -4, 7), MAP_FD(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4),
		CALL(BPF_FUNC_map_delete_elem), MAP_FD(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4),
		CALL(BPF_FUNC_map_delete_elem), MOVX(6, 0), VALUE_OF(array_fd, 0),
		STX(BPF_DW, 0, 6, 0), MOV(0, 1), EXIT);
	v = 11;
	T(elem(BPF_MAP_UPDATE_ELEM, queue, NULL, &v, 0));
	RUN("queue: pop", MAP_FD(1, queue), MOVX(2, 10), ALU(BPF_ADD, 2, -16),
		CALL(BPF_FUNC_map_pop_elem), LDX(BPF_DW, 6, 10, -16), VALUE_OF(array_fd, 1),
		STX(BPF_DW, 0, 6, 0), MOV(0, 1), EXIT);
	T(elem(BPF_MAP_LOOKUP_ELEM, queue, NULL, &v, 0));
	fd = load_with((struct bpf_insn[]){ MOV(0, 9), EXIT }, 2, "GPL");
	key = 2;
	T(elem(BPF_MAP_UPDATE_ELEM, table, &key, &fd, 0));
	id = 0;
	T(elem(BPF_MAP_LOOKUP_ELEM, table, &key, &id, 0));
	say("%d", id != 0);
	close(fd);
	RUN("tail call", MAP_FD(2, table), MOV(3, 2), CALL(BPF_FUNC_tail_call), MOV(0, 4), EXIT);
	RUN("to nowhere", MAP_FD(2, table), MOV(3, 1), CALL(BPF_FUNC_tail_call), MOV(0, 4), EXIT);
	T(elem(BPF_MAP_DELETE_ELEM, table, &key, NULL, 0));
	T(elem(BPF_MAP_DELETE_ELEM, table, &key, NULL, 0));
	RUN("gone", MAP_FD(2, table), MOV(3, 2), CALL(BPF_FUNC_tail_call), MOV(0, 4), EXIT);
	close(hash);
	close(table);
	close(queue);
}

static void attaching(void)
{
	int fd = load_with((struct bpf_insn[]){ MOV(0, 1), EXIT }, 2, ""),
	    s = socket(AF_UNIX, SOCK_DGRAM, 0);
	int one = 1;
	char buf[64];
	socklen_t len = sizeof(buf);

	T(setsockopt(s, SOL_SOCKET, SO_DETACH_BPF, &one, sizeof(one)));
	T(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &fd, 2));
	T(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)));
	T(getsockopt(s, SOL_SOCKET, SO_GET_FILTER, buf, &len));
	T(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &s, sizeof(s)));
	T(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &array_fd, sizeof(array_fd)));
	T(setsockopt(s, SOL_SOCKET, SO_DETACH_BPF, &one, sizeof(one)));
	T(setsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)));
	T(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)));
	close(s);
	close(fd);
}

static const char expected[] =
#include "bpf_prog.inc"
	;

TEST(bpf_prog)
{
	array_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 2, 0, NULL);
	if (older_than(6, 12) ||
		(array_fd < 0 && older_than(1000, 0))) /* or the host forbids bpf(2) */
		RECORDED(expected);
	refusals();
	interrupted();
	maps();
	arithmetic();
	packets();
	calls();
	attaching();
	close(array_fd);
}
