/* SPDX-License-Identifier: MIT */
/*
 * packets.c: the descriptors on which a jailed process may use sendmmsg(2), although that call can
 * pass addresses and descriptors: PACKETS consecutive descriptor numbers, which only ever hold
 * AF_UNIX sockets of type SOCK_SEQPACKET. The host ignores addresses on these, and they are
 * connected to other processes of the instance, or to its switch.
 *
 *      os_packet_socket()    before the close: a socket gets one of the numbers
 *      os_packet_drop()      ends its connection; an unconnected socket keeps the number
 *      packets_close()       at the close: checks all of them, and returns the filter's number
 *
 * Invariants, from packets_close() on: 1. None of the numbers is free. 2. The filter admits dup3(2)
 * only from one of them to another, and close(2) on none. So a kernel process that a guest has
 * taken over cannot put another socket there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/jail/jail.h"

/* numbers begin at a multiple of PACKETS, behind those that most processes use */
#define FIRST 32
#define LAST 960

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* the first number, or -1; it holds an unconnected socket; under lock until the close */
static int first = -1;
static int nr_taken;
static bool closed;

static bool are_free(int from)
{
	for (int i = 0; i < PACKETS; i++)
		if (fcntl(from + i, F_GETFD) >= 0)
			return false;
	return true;
}

/* Fills the free numbers with unconnected sockets. Returns 0 or -errno. */
static int fill_locked(int from)
{
	int nowhere = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err = 0;

	if (nowhere < 0)
		return os_refused("socket", errno);
	for (int i = 0; i < PACKETS && !err; i++)
		if (fcntl(from + i, F_GETFD) < 0 && dup3(nowhere, from + i, O_CLOEXEC) < 0)
			err = os_refused("dup3", errno);
	close(nowhere);
	return err;
}

static int reserve_locked(void)
{
	int from = FIRST, err;

	if (first >= 0)
		return 0;
	while (from <= LAST && !are_free(from))
		from += PACKETS;
	err = from > LAST ? -EMFILE : fill_locked(from);
	if (err)
		return err;
	first = from;
	nr_taken = 1;
	return 0;
}

static bool is_of_packets(int fd)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(int), size = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_SEQPACKET &&
	       !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX;
}

int os_packet_socket(int fd)
{
	int to = -1;

	if (os_is_packet_socket(fd) || !is_of_packets(fd))
		return fd;
	pthread_mutex_lock(&lock);
	if (!closed && !reserve_locked() && nr_taken < PACKETS)
		to = first + nr_taken++;
	pthread_mutex_unlock(&lock);
	if (to < 0 || dup3(fd, to, O_CLOEXEC) != to)
		return fd;
	close(fd);
	return to;
}

bool os_is_packet_socket(int fd)
{
	return first >= 0 && fd >= first && fd < first + PACKETS;
}

bool os_packet_drop(int fd)
{
	return os_is_packet_socket(fd) && dup3(first, fd, O_CLOEXEC) == fd;
}

int packets_close(uint32_t *number)
{
	int err;

	pthread_mutex_lock(&lock);
	err = reserve_locked();
	if (!err)
		err = fill_locked(first);
	for (int i = 0; i < PACKETS && !err; i++)
		if (!is_of_packets(first + i))
			err = -EBADF;
	closed = !err;
	pthread_mutex_unlock(&lock);
	*number = (uint32_t)first;
	return err;
}
