/* SPDX-License-Identifier: MIT */
/*
 * control.c: the socket on which the supervisor of a kept instance takes requests (service.h). The
 * socket is SOCK_SEQPACKET. Its path goes through the folder's descriptor, since the full path may
 * exceed the limit of a socket's address.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/service.h"

#define REPLY_S 10
#define REPLY_MAX 1024

/* Returns the address of the supervisor's socket, which is valid while s->dir is open. */
static struct sockaddr_un address(const struct service *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/control", s->dir);
	return a;
}

int control_listen(const struct service *s)
{
	struct sockaddr_un a = address(s);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlinkat(s->dir, "control", 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 64))
		die("%s/control: %s", s->folder, strerror(errno));
	return fd;
}

int control_connect(const struct service *s, pid_t *pid)
{
	struct sockaddr_un a = address(s);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const struct timeval patience = { REPLY_S, 0 };
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n)) {
		close(fd);
		return -1;
	}
	*pid = peer.pid;
	/* do not wait for ever: a supervisor that waits for its disk does not answer */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

const char *control_reply(int fd, const char *text)
{
	char reply[REPLY_MAX];
	ssize_t n = -1;

	if (send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text))
		n = recv(fd, reply, sizeof(reply), 0);
	return n > 0 ? format("%.*s", (int)n, reply) : NULL;
}

bool control_ask(int fd, const char *text)
{
	return control_reply(fd, text);
}
