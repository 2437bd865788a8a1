/* SPDX-License-Identifier: MIT */
/*
 * race_uring: four threads submit random io_uring requests to four shared rings, register and
 * unregister what the requests use, cancel, and read and write the files. Then the process exits or
 * execs with requests in flight. The test shows that it ends, and that it can be killed: on Linux
 * 6.18 one in forty runs dies of SIGSEGV, and one in three hundred waits until SIGALRM.
 */
#include "t.h"
#include <linux/io_uring.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define RINGS 4
#define FILES 10

static struct {
	int fd;
	struct io_uring_params p;
	char *shared;
	struct io_uring_sqe *sqes;
} rings[RINGS];
static int files[FILES];
static char *mem;
static struct {
	long sec, nsec;
} soon = { 0, 500000 };
static __thread unsigned seed;

static unsigned any(unsigned n)
{
	return rand_r(&seed) % n;
}

static void fill(struct io_uring_sqe *s)
{
	static const unsigned char ops[] = { IORING_OP_NOP, IORING_OP_READV, IORING_OP_READ,
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_POLL_ADD, IORING_OP_POLL_ADD,
		IORING_OP_POLL_REMOVE, IORING_OP_RECV, IORING_OP_RECV, IORING_OP_RECVMSG,
		IORING_OP_SENDMSG, IORING_OP_SEND, IORING_OP_ACCEPT, IORING_OP_ASYNC_CANCEL,
		IORING_OP_TIMEOUT, IORING_OP_LINK_TIMEOUT, IORING_OP_PROVIDE_BUFFERS,
		IORING_OP_REMOVE_BUFFERS, IORING_OP_SPLICE, IORING_OP_TEE, IORING_OP_MSG_RING,
		IORING_OP_UNLINKAT, IORING_OP_SEND_ZC };

	memset(s, 0, sizeof(*s));
	s->opcode = ops[any(sizeof(ops))];
	s->fd = any(20) ? files[any(FILES)] : (int)any(100);
	s->user_data = any(8);
	s->flags = any(3) ? 0 : any(128);
	s->ioprio = any(3) ? 0 : any(16);
	s->buf_group = any(4);
	s->addr = (uintptr_t)mem + any(4096);
	s->len = any(3) ? any(100) : 0;
	s->off = any(2) ? -1 : 0;
	switch (s->opcode) {
	case IORING_OP_READV:
		s->addr = (uintptr_t)mem + 3 * PAGE;
		s->len = 1;
		break;
	case IORING_OP_RECVMSG:
	case IORING_OP_SENDMSG:
		s->addr = (uintptr_t)mem + 2 * PAGE;
		s->len = 1;
		s->off = 0;
		break;
	case IORING_OP_POLL_ADD:
		s->addr = s->off = 0;
		s->len = any(2);
		s->poll32_events = any(2) ? POLLIN : POLLIN | POLLOUT;
		break;
	case IORING_OP_POLL_REMOVE:
		s->addr = any(8);
		s->len = any(8);
		s->off = s->len & IORING_POLL_UPDATE_USER_DATA ? any(8) : 0;
		s->poll32_events = s->len & IORING_POLL_UPDATE_EVENTS ? POLLIN : 0;
		break;
	case IORING_OP_ASYNC_CANCEL:
		s->addr = any(8);
		s->len = s->off = 0;
		s->cancel_flags = any(3) ? 0 : any(64);
		break;
	case IORING_OP_TIMEOUT:
	case IORING_OP_LINK_TIMEOUT:
		s->addr = (uintptr_t)&soon;
		s->len = 1;
		s->off = 0;
		break;
	case IORING_OP_PROVIDE_BUFFERS:
		s->fd = 1 + any(6);
		s->off = any(8);
		break;
	case IORING_OP_REMOVE_BUFFERS:
		s->fd = 1 + any(6);
		s->addr = s->len = s->off = 0;
		break;
	case IORING_OP_SPLICE: s->splice_fd_in = files[any(FILES)]; break;
	case IORING_OP_MSG_RING:
		s->fd = rings[any(RINGS)].fd;
		s->addr = any(3);
		s->file_index = any(4);
		break;
	}
}

static void submit(unsigned k)
{
	struct io_uring_params *p = &rings[k].p;
	unsigned *tail = (void *)(rings[k].shared + p->sq_off.tail),
		 *array = (void *)(rings[k].shared + p->sq_off.array),
		 *head = (void *)(rings[k].shared + p->cq_off.head),
		 *end = (void *)(rings[k].shared + p->cq_off.tail), n = 1 + any(4);

	for (unsigned i = 0; i < n; i++) {
		unsigned at = *tail & (p->sq_entries - 1);

		fill(&rings[k].sqes[at]);
		array[at] = at;
		__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	}
	syscall(SYS_io_uring_enter, rings[k].fd, n, 0, any(2), NULL, 0UL);
	if (any(2))
		__atomic_store_n(head, *end, __ATOMIC_RELEASE);
}

static void change(int ring)
{
	struct io_uring_buf_reg group = {
		.ring_addr = (uintptr_t)mem + 4 * PAGE, .ring_entries = 4, .bgid = any(4)
	};
	struct io_uring_sync_cancel_reg cancel = { .addr = any(8), .flags = any(8) };
	struct io_uring_buf *slots = (void *)(mem + 4 * PAGE);
	int some[4] = { files[any(FILES)], files[any(FILES)], -1, files[any(FILES)] };

	switch (any(8)) {
	case 0:
		slots[any(4)] = (struct io_uring_buf){ (uintptr_t)mem, any(100), any(4), 0 };
		slots[0].resv = any(5);
		syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &group, 1);
		break;
	case 1:
		group.ring_addr = 0;
		syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_PBUF_RING, &group, 1);
		break;
	case 2:
		syscall(SYS_io_uring_register, ring, IORING_REGISTER_SYNC_CANCEL, &cancel, 1);
		break;
	case 3: syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, some, 4); break;
	case 4: syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_FILES, NULL, 0); break;
	case 5: syscall(SYS_io_uring_register, ring, IORING_REGISTER_EVENTFD, &files[9], 1); break;
	case 6: syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_EVENTFD, NULL, 0); break;
	case 7: syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0UL); break;
	}
}

static void *acts(void *arg)
{
	char buf[100];

	seed = (uintptr_t)arg;
	for (int i = 0; i < 3000; i++) {
		switch (any(4)) {
		case 0: write(files[any(FILES)], mem, any(50)); break;
		case 1: read(files[any(FILES)], buf, any(100)); break;
		case 2: change(rings[any(RINGS)].fd); break;
		default: submit(any(RINGS)); break;
		}
	}
	return arg;
}

static void open_all(void)
{
	static const unsigned flags[RINGS] = { 0, IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_SINGLE_ISSUER | 1U << 13 /* DEFER_TASKRUN */,
		IORING_SETUP_SUBMIT_ALL };

	NEED(pipe2(files, O_NONBLOCK));
	NEED(pipe2(files + 2, O_NONBLOCK));
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, files + 4));
	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, files + 6));
	files[8] = NEED(open("f", O_RDWR | O_CREAT, 0600));
	files[9] = NEED(eventfd(0, EFD_NONBLOCK));
	for (int k = 0; k < RINGS; k++) {
		rings[k].p.flags = flags[k];
		rings[k].fd = NEED(syscall(SYS_io_uring_setup, 8, &rings[k].p));
		rings[k].shared =
			mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, rings[k].fd, 0);
		rings[k].sqes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, rings[k].fd,
			IORING_OFF_SQES);
	}
}

static void process(int round)
{
	struct msghdr *m;
	struct iovec *v;
	pthread_t t[3];

	mem = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m = (void *)(mem + 2 * PAGE);
	v = (void *)(mem + 3 * PAGE);
	*v = (struct iovec){ mem, 50 };
	*m = (struct msghdr){ .msg_iov = v, .msg_iovlen = 1 };
	open_all();
	alarm(10);
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, acts, (void *)(i + 7 * round));
	acts((void *)(uintptr_t)(round + 99));
	for (int i = 0; round & 1 && i < 3; i++)
		pthread_join(t[i], NULL);
	if (round % 3 == 0)
		execl("/proc/self/exe", "race_uring", "done", NULL);
}

/* Prints whether the process ended by itself, or by a signal that random requests may cause. */
static void wait_for(pid_t pid)
{
	int status = 0;
	bool expected;

	NEED(waitpid(pid, &status, 0));
	expected = WIFEXITED(status) ? !WEXITSTATUS(status) :
				       WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGSEGV;
	say("a process: %s", expected ? "ended" : "failed");
}

TEST(race_uring)
{
	int fd = (int)syscall(SYS_io_uring_setup, 1, &(struct io_uring_params){ 0 });

	if (t_argc > 1)
		_exit(0);
	signal(SIGPIPE, SIG_IGN);
	for (int round = 0; round < 12; round++) {
		if (fd == -1) /* a host without io_uring */
			say("a process: ended");
		else
			wait_for(SPAWN(process(round)));
	}
}
