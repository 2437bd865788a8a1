/* SPDX-License-Identifier: MIT */
/*
 * relay.c: passes the datagrams of the management console on to the kernel process, and its answers
 * back. A packet of the relay is `struct os_relayed`, then the datagram, with the datagram's
 * descriptors.
 *
 * A datagram is accepted if its sender is the owner or root, and no process of the instance. While
 * the kernel process does not receive its packets, further datagrams wait in the socket. If a
 * sender does not receive its answer, that answer waits for up to two seconds and is then dropped.
 * Later answers wait in the relay meanwhile.
 */
#include "os-linux/jail/broker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os-linux/host.h"

#define PACKET_MAX 8192
#define FDS_MAX 16
#define RELAY_TRIES 2000 /* attempts, one a millisecond */

static struct packet {
	struct os_relayed head;
	char data[PACKET_MAX];
} packet;
static union {
	char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct cmsghdr align;
} control;

/*
 * Takes the descriptors out of a message. Returns their number. Sets *@owner to true if the sender
 * is the owner or root, and no process of the instance.
 */
static int take_control(struct msghdr *m, int *fds, bool *owner)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	int nr = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), (size_t)nr * sizeof(int));
	}
	*owner = (cred.uid == geteuid() || cred.uid == 0) && cred.pid != broker.kernel &&
		 cred.pid != getpid() && !children_has(cred.pid);
	return nr;
}

/*
 * Recent senders. Answers are sent to no other socket: a datagram with the broker's rights could be
 * a command for another program of the user.
 */
#define ASKERS 64
static struct {
	uint32_t len;
	uint8_t addr[128];
} askers[ASKERS];
static unsigned next_asker;

static bool has_asked(const struct os_relayed *to)
{
	for (int i = 0; i < ASKERS; i++)
		if (askers[i].len == to->from_len &&
			!memcmp(askers[i].addr, to->from, to->from_len))
			return true;
	return false;
}

static void note_asker(const struct os_relayed *from)
{
	if (from->from_len > sizeof(from->from) || has_asked(from))
		return;
	askers[next_asker % ASKERS].len = from->from_len;
	memcpy(askers[next_asker++ % ASKERS].addr, from->from, from->from_len);
}

static void pass_on(size_t len, const int *fds, int nr)
{
	struct iovec iov = { &packet, sizeof(packet.head) + len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (nr) {
		struct cmsghdr *c = &control.align;

		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN((size_t)nr * sizeof(int)) };
		memcpy(CMSG_DATA(c), fds, (size_t)nr * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE((size_t)nr * sizeof(int));
	}
	do {
		n = sendmsg(broker.relay, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
}

void relay_in(void)
{
	struct iovec iov = { packet.data, sizeof(packet.data) };
	struct msghdr m = { .msg_name = packet.head.from,
		.msg_namelen = sizeof(packet.head.from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fds[FDS_MAX + 1], nr;
	bool owner;
	ssize_t n;

	n = recvmsg(broker.console, &m, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return;
	nr = take_control(&m, fds, &owner);
	if (owner) {
		size_t len = (size_t)n < sizeof(packet.data) ? (size_t)n : sizeof(packet.data);

		packet.head.len = (uint32_t)n;
		packet.head.from_len = m.msg_namelen;
		note_asker(&packet.head);
		packet.head.is_its_name = files_of_command(packet.data, len);
		pass_on(len, fds, nr);
	}
	for (int i = 0; i < nr; i++)
		close(fds[i]);
}

/* the waiting answer: the packet, its length, and the number of failed attempts to send it */
static struct packet waiting;
static size_t waiting_len;
static int tries;

/* True if the answer was sent or dropped. */
static bool try_answer(void)
{
	ssize_t n;

	do {
		n = sendto(broker.console, waiting.data, waiting_len, MSG_DONTWAIT | MSG_NOSIGNAL,
			(const struct sockaddr *)waiting.head.from, waiting.head.from_len);
	} while (n < 0 && errno == EINTR);
	return n >= 0 || (errno != EAGAIN && errno != ENOBUFS) || ++tries == RELAY_TRIES;
}

bool relay_has_room(void)
{
	struct pollfd room = { broker.relay, POLLOUT, 0 };

	return poll(&room, 1, 0) == 1 && room.revents & POLLOUT;
}

bool relay_waits(void)
{
	if (waiting_len && try_answer())
		waiting_len = 0;
	return waiting_len;
}

void relay_out(void)
{
	ssize_t n = recv(broker.relay, &waiting, sizeof(waiting), MSG_DONTWAIT);

	if (n < 0)
		return;
	if (!n) {
		close(broker.relay);
		broker.relay = -1;
		return;
	}
	if ((size_t)n <= sizeof(waiting.head) || waiting.head.from_len <= sizeof(sa_family_t) ||
		waiting.head.from_len > sizeof(waiting.head.from) || !has_asked(&waiting.head))
		return;
	waiting_len = (size_t)n - sizeof(waiting.head);
	tries = 0;
	relay_waits();
}
