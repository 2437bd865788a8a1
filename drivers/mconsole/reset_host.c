/* SPDX-License-Identifier: MIT */
/* reset_host.c: this process's side of the reset server (reset_host.h). */
#include "drivers/mconsole/reset_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/state/reset_abi.h"
#include "os-linux/host.h"
#include "os-linux/os.h"

#define PAGE 4096u

static struct {
	int sock, irq;
	bool ends;
	struct reset_area *area;
	/*
	 * A copy from the time of the attach, since the server may change its memory at any time.
	 */
	struct reset_area is;
	uint64_t resets, since;
} server = { .sock = -1 };

/* True if the part is empty, or inside the memory after the page with the description. */
static bool is_in(uint64_t at, uint64_t len, uint64_t size)
{
	return !len || (at >= PAGE && !(at % PAGE) && at <= size && len <= size - at);
}

static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static const char *wrong_with(const struct reset_area *a, uint64_t size)
{
	if (a->magic != RESET_MAGIC || a->version != RESET_VERSION)
		return "the memory file is of another version";
	if (a->size != size || !a->input_max || !is_in(a->input_at, a->input_max, size) ||
		!is_in(a->record_at, a->record_max, size) ||
		!is_in(a->cover_at, a->cover_len, size) || (a->cover_len & (a->cover_len - 1)))
		return "a part does not lie in the memory file";
	if (overlap(a->input_at, a->input_max, a->record_at, a->record_max) ||
		overlap(a->input_at, a->input_max, a->cover_at, a->cover_len) ||
		overlap(a->record_at, a->record_max, a->cover_at, a->cover_len))
		return "two parts of the memory file overlap";
	return NULL;
}

/*
 * Maps the server's memory. Refuses a file that could be shortened, which would cause SIGBUS here.
 */
static int map_area(int fd, const char **why)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	if (host_fstat(fd, &st) || seals < 0 || !(seals & F_SEAL_SHRINK)) {
		*why = "the memory file is no memfd that is sealed against shrinking";
		return -EINVAL;
	}
	if (st.st_size < (off_t)sizeof(struct reset_area) || st.st_size > 1L << 32) {
		*why = "the memory file is too small or too large";
		return -EINVAL;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	memcpy(&server.is, p, sizeof(server.is));
	*why = wrong_with(&server.is, (uint64_t)st.st_size);
	if (*why) {
		munmap(p, (size_t)st.st_size);
		return -EINVAL;
	}
	server.area = p;
	return 0;
}

static int check_socket(int fd)
{
	socklen_t size = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET ||
			       host_no_wait(fd) ?
		       -EINVAL :
		       0;
}

int reset_host_attach(struct mconsole_packet *p, int irq, char *why, size_t size)
{
	const char *what = NULL;
	int sock, mem, err;

	if (server.sock >= 0) {
		snprintf(why, size, "a server is attached");
		return -EBUSY;
	}
	sock = mconsole_host_take(p, RESET_FD_SOCKET);
	mem = mconsole_host_take(p, RESET_FD_AREA);
	err = sock < 0 || mem < 0 ? -EINVAL : check_socket(sock);
	if (err)
		what = "expected a SOCK_SEQPACKET socket and a memory file";
	else
		err = map_area(mem, &what);
	if (mem >= 0)
		close(mem);
	if (!err) {
		err = os_event_add(sock, EPOLLIN, irq);
		if (err)
			munmap(server.area, server.is.size);
	}
	if (err) {
		if (sock >= 0)
			close(sock);
		snprintf(why, size, "%s", what ? what : strerror(-err));
		return err;
	}
	server.sock = sock;
	server.irq = irq;
	server.ends = false;
	server.resets = server.since = 0;
	return 0;
}

void reset_host_detach(void)
{
	if (server.sock < 0)
		return;
	os_event_del(server.sock);
	close(server.sock);
	munmap(server.area, server.is.size);
	server.area = NULL;
	server.sock = -1;
}

uint32_t reset_host_hear(uint32_t *len)
{
	struct reset_message m;
	ssize_t n;

	*len = 0;
	if (server.sock < 0 || server.ends)
		return RESET_END;
	do {
		n = host_recv(server.sock, &m, sizeof(m), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		os_event_rearm(server.sock, EPOLLIN, server.irq);
		return 0;
	}
	if (n != (ssize_t)sizeof(m) || (m.op != RESET_RUN && m.op != RESET_BACK) ||
		m.arg > server.is.input_max) {
		server.ends = true;
		return RESET_END;
	}
	*len = m.arg;
	return m.op;
}

bool reset_host_ends(void)
{
	return server.ends;
}

/*
 * Sends a message to the server. If that fails (the server does not read, or has gone), it counts
 * as disconnected.
 */
void reset_host_send(uint32_t op, uint32_t arg)
{
	struct reset_message m = { op, arg };
	ssize_t n;

	do {
		n = write(server.sock, &m, sizeof(m));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(m))
		server.ends = true;
}

/* Returns the host's clock, which is not rolled back. */
static uint64_t host_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void reset_host_goes_back(void)
{
	server.since = host_ns();
	server.resets++;
}

void reset_host_ready(void)
{
	server.area->resets = server.resets;
	server.area->reset_ns = server.since ? host_ns() - server.since : 0;
	server.area->reset_pages = os_put_back_pages();
	reset_host_send(RESET_READY, 0);
}

const void *reset_host_input(void)
{
	return (const char *)server.area + server.is.input_at;
}

void *reset_host_record(uint32_t *max)
{
	*max = server.is.record_max;
	return (char *)server.area + server.is.record_at;
}

void reset_host_record_is(uint32_t len)
{
	server.area->record_len = len;
}

uint8_t *reset_host_cover(uint32_t *len)
{
	*len = server.area ? server.is.cover_len : 0;
	return *len ? (uint8_t *)server.area + server.is.cover_at : NULL;
}
