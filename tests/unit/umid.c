/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of nestctl's client of the management console: a reply that comes when the client no
 * longer waits for it is not taken for the reply to the next command, and several commands on one
 * console get their own.
 *
 * SOURCES: tools/nestctl/core/umid.c
 */
#include <pthread.h>
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

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

/* where the text of a command begins, and that of a reply */
#define AT 12

void die(const char *format, ...)
{
	fail();
	abort();
}

char *format(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	assert_true(vasprintf(&text, format, args) >= 0);
	va_end(args);
	return text;
}

void *xalloc(size_t size)
{
	return calloc(1, size);
}

static int server;
static char folder[80];

/*
 * A console's other end: replies to a command with its own text, but to "slow" only when the next
 * command has come, before the reply to that. Ends at "end".
 */
static void *serve(void *unused)
{
	struct sockaddr_un from[2];
	char packet[4096], reply[2][600];
	socklen_t len[2];
	int i = 0;

	for (;;) {
		ssize_t n;

		len[i] = sizeof(from[i]);
		n = recvfrom(server, packet, sizeof(packet) - 1, 0, (struct sockaddr *)&from[i],
			&len[i]);
		if (n <= AT)
			return NULL;
		packet[n] = '\0';
		memset(reply[i], 0, sizeof(reply[i]));
		strcpy(reply[i] + AT, packet + AT);
		((uint32_t *)reply[i])[2] = (uint32_t)strlen(packet + AT);
		if (!strcmp(packet + AT, "slow")) {
			i = 1;
			continue;
		}
		for (int k = 0; k <= i; k++)
			sendto(server, reply[k], AT + strlen(reply[k] + AT), 0,
				(struct sockaddr *)&from[k], len[k]);
		i = 0;
		if (!strcmp(packet + AT, "end"))
			return NULL;
	}
}

static void asks(struct umid_console *c, const char *command, const char *wanted)
{
	size_t len;
	int err;
	char *text = umid_ask(c, command, &err, &len);

	if (!wanted) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, wanted);
	assert_int_equal(len, strlen(wanted));
	assert_int_equal(err, 0);
	free(text);
}

static void late_reply(void **state)
{
	struct umid_console c;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	assert_true(umid_try_connect(&c, folder));
	asks(&c, "first", "first");
	asks(&c, "second", "second");
	c.wait_ms = c.step_ms = 50;
	asks(&c, "slow", NULL);
	c.wait_ms = 10000;
	asks(&c, "third", "third");
	asks(&c, "fourth", "fourth");
	asks(&c, "end", "end");
	pthread_join(thread, NULL);
	close(c.fd);
}

/* An instance that is stopped reads no requests. */
static void full_queue(void **state)
{
	struct umid_console c;
	char packet[4096];
	int sent = 0;

	assert_true(umid_try_connect(&c, folder));
	c.wait_ms = 50;
	while (sent < 100000 && umid_send(&c, "ping", NULL, 0))
		sent++;
	assert_in_range(sent, 1, 99999);
	while (recv(server, packet, sizeof(packet), MSG_DONTWAIT) > 0)
		sent--;
	assert_int_equal(sent, 0);
	assert_true(umid_send(&c, "ping", NULL, 0));
	close(c.fd);
}

static void nobody(void **state)
{
	struct umid_console c;

	assert_false(umid_try_connect(&c, "/nowhere"));
	assert_int_equal(c.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(late_reply),
		cmocka_unit_test(full_queue), cmocka_unit_test(nobody) };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *dir = getenv("TMPDIR");
	int failed;

	snprintf(folder, sizeof(folder), "%s/umid-%d", dir && strlen(dir) < 60 ? dir : "/tmp",
		(int)getpid());
	if (mkdir(folder, 0700))
		return 1;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/mconsole", folder);
	server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(a.sun_path);
	rmdir(folder);
	return failed;
}
