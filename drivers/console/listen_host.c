/* SPDX-License-Identifier: MIT */
/*
 * listen_host.c: the listening sockets of lines. Without an address a port is on the host's
 * loopback, since otherwise any host on the network could connect. A unix socket accepts its owner
 * and root only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/console/internal_host.h"

/*
 * Parses "9000", "0.0.0.0:9000" or "[::1]:9000". Returns the address's length in bytes, or 0 if
 * @text is no address.
 */
static socklen_t parse_address(const char *text, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	const char *colon = strrchr(text, ':');
	uint16_t port = htons((uint16_t)atoi(colon ? colon + 1 : text));
	size_t n = colon ? (size_t)(colon - text) : 0;
	char host[CON_TEXT];

	memset(to, 0, sizeof(*to));
	snprintf(host, sizeof(host), "%.*s", (int)n, text);
	v4->sin_family = AF_INET;
	v4->sin_port = port;
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!n || inet_pton(AF_INET, host, &v4->sin_addr) == 1)
		return sizeof(*v4);
	if (n < 3 || host[0] != '[' || host[n - 1] != ']')
		return 0;
	host[n - 1] = 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? sizeof(*v6) : 0;
}

int listen_port(const char *text)
{
	struct sockaddr_storage a;
	socklen_t len = parse_address(text, &a);
	int fd, on = 1, err = 0;

	if (!len)
		return -EINVAL;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		bind(fd, (struct sockaddr *)&a, len) || listen(fd, 16))
		err = errno;
	if (err && fd >= 0)
		close(fd);
	return err ? -err : fd;
}

/*
 * Removes a socket that a killed instance has left. A socket on which a process listens, or any
 * other file, is left alone.
 */
static void remove_dead(const char *path, const struct sockaddr_un *a)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) && errno == ECONNREFUSED)
		unlink(path);
	if (fd >= 0)
		close(fd);
}

int listen_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, err = 0;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	remove_dead(path, &a);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&a, sizeof(a)) || chmod(path, 0600) ||
		listen(fd, 16)) {
		err = errno;
		close(fd);
	}
	return err ? -err : fd;
}
