/* SPDX-License-Identifier: MIT */
/*
 * An accepted AF_UNIX socket has its listener's name from the first moment: it cannot be bound to
 * another.
 */
#include "t.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ROUNDS 20000

static struct sockaddr_un name(const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s.%d", text, getpid());
	return a;
}

static void *connector(void *arg)
{
	struct sockaddr_un a = name("listener");

	for (int k = 0; k < ROUNDS; k++) {
		int fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));

		while (connect(fd, (void *)&a, sizeof(a)) < 0 && errno == EAGAIN)
			sched_yield();
		close(fd);
	}
	return NULL;
}

static void names(void)
{
	struct sockaddr_un a = name("listener"), other;
	int l = NEED(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), bound = 0, nameless = 0;
	char text[32];
	pthread_t t;

	NEED(bind(l, (void *)&a, sizeof(a)));
	NEED(listen(l, 64));
	NEED0(pthread_create(&t, NULL, connector, NULL));
	for (int k = 0; k < ROUNDS;) {
		int fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
		socklen_t len = sizeof(other);

		if (fd < 0) {
			sched_yield();
			continue;
		}
		NEED(getsockname(fd, (void *)&other, &len));
		nameless += len == sizeof(sa_family_t);
		snprintf(text, sizeof(text), "other%d", k++);
		other = name(text);
		bound += !bind(fd, (void *)&other, sizeof(other));
		close(fd);
	}
	pthread_join(t, NULL);
	close(l);
	say("bound %d, nameless %d", bound, nameless);
}

TEST(race_unix_accept)
{
	names();
}
