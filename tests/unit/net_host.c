/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of the host half of cards: a switch of vde2 that is slow, does not answer, answers
 * wrongly or refuses does not delay the thread that opens the link again.
 *
 * SOURCES: drivers/net/net_host.c drivers/net/socket_host.c os-linux/object.c
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/net/internal_host.h"
#include "os-linux/host.h"

const struct net_link slirp_link, tap_link;
/* No process is jailed. */
bool os_jailed(void)
{
	return false;
}

bool os_jail_is_open(void)
{
	return false;
}

int net_jailed_open(struct net_host *h)
{
	return -EPERM;
}

int net_nowhere(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

int os_packet_socket(int fd)
{
	return fd;
}

bool os_is_packet_socket(int fd)
{
	return false;
}

bool os_packet_drop(int fd)
{
	return false;
}

void net_tap_setup(struct net_host *h, int fd, bool vnet)
{
}
static int event_err; /* what os_event_add() returns */

int os_event_add(int fd, uint32_t events, int irq)
{
	return event_err;
}
void os_event_del(int fd)
{
}
int os_event_rearm(int fd, uint32_t events, int irq)
{
	return 0;
}

static char folder[40], path[64];
static int listener = -1;

static int set_up(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(folder, sizeof(folder), "/tmp/net_host.%d", getpid());
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%s/ctl", folder);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 5), 0);
	return 0;
}

static int tear_down(void **state)
{
	close(listener);
	unlink(path);
	rmdir(folder);
	return 0;
}

static int number; /* the card's object number */

static struct net_host *card(void)
{
	struct net_host *h = calloc(1, sizeof(*h));

	h->link = &vde_link;
	h->fd = h->parked = h->out = h->control = h->asked = h->half = -1;
	h->args = strdup(folder);
	number = os_object_add(h);
	assert_true(number > 0);
	return h;
}

/* the address for frames that the switch tells its members */
static const struct sockaddr_un data = { .sun_family = AF_UNIX, .sun_path = "\0net_host-data" };

/* Opens the link to a switch that answers at once. Returns what net_host_reopen() does then. */
static int open_at_once(int *member)
{
	assert_int_equal(net_host_reopen(number), -EINPROGRESS);
	*member = accept(listener, NULL, NULL);
	assert_int_equal(send(*member, &data, sizeof(data), 0), sizeof(data));
	return net_host_reopen(number);
}

/* The descriptor of a lost link stays open (@parked) if the link cannot be opened again. */
static void test_no_event(void **state)
{
	struct net_host *h = card();
	int frames = socket(AF_UNIX, SOCK_DGRAM, 0), member, again, fd;

	assert_int_equal(bind(frames, (struct sockaddr *)&data, sizeof(data)), 0);
	assert_int_equal(open_at_once(&member), 0);
	fd = h->fd;
	net_host_drop(number);
	assert_true(h->fd == -1 && h->parked == fd);
	event_err = -ENOSPC;
	assert_int_equal(open_at_once(&again), -ENOSPC);
	event_err = 0;
	assert_true(h->fd == -1 && h->control == -1 && h->parked == fd);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	net_host_close(number);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	close(member);
	close(again);
	close(frames);
}

static void test_slow_switch(void **state)
{
	struct net_host *h = card();
	int member, frames = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(bind(frames, (struct sockaddr *)&data, sizeof(data)), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(net_host_reopen(number), -EINPROGRESS);
	assert_int_equal(h->fd, -1);
	member = accept(listener, NULL, NULL);
	assert_int_equal(send(member, &data, sizeof(data), 0), sizeof(data));
	assert_int_equal(net_host_reopen(number), 0);
	assert_true(h->fd >= 0 && h->control >= 0 && h->asked == -1 && h->half == -1);
	assert_int_equal(write(h->fd, "frame", 5), 5);
	net_host_close(number);
	close(member);
	close(frames);
}

static void test_silent_switch(void **state)
{
	struct net_host *h = card();

	assert_int_equal(net_host_reopen(number), -EINPROGRESS);
	h->give_up = net_now_ms(); /* the time limit is reached */
	assert_int_equal(net_host_reopen(number), -ETIMEDOUT);
	assert_true(h->asked == -1 && h->half == -1);
	assert_int_equal(net_host_reopen(number), -EINPROGRESS); /* starts again */
	net_host_close(number);
}

static void test_wrong_switch(void **state)
{
	struct net_host *h = card();
	int member;

	assert_int_equal(net_host_reopen(number), -EINPROGRESS);
	member = accept(listener, NULL, NULL);
	assert_int_equal(send(member, "no", 2, 0), 2);
	assert_true(net_host_reopen(number) < 0 && h->asked == -1);
	close(member);
	assert_int_equal(net_host_reopen(number), -EINPROGRESS);
	close(accept(listener, NULL, NULL));
	assert_int_not_equal(net_host_reopen(number), -EINPROGRESS);
	net_host_close(number);
}

static void test_nobody(void **state)
{
	struct net_host *h = card();

	unlink(path);
	assert_int_equal(net_host_reopen(number), -ENOENT);
	net_host_close(number);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_slow_switch),
		T(test_silent_switch),
		T(test_wrong_switch),
		T(test_nobody),
		T(test_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
