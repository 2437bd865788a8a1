/* SPDX-License-Identifier: MIT */
/*
 * tcp_urgent: several urgent bytes: which of them are read out of band, which come as data, and
 * where the mark is (SIOCATMARK).
 */
#include "await.h"
#include "inet.h"
#include <linux/sockios.h>

static int out, in;

static void open_pair(int oobinline)
{
	int l = bound(SOCK_STREAM, "127.0.0.1");
	struct sockaddr_in a = at("127.0.0.1", port_of(l));

	NEED(listen(l, 1));
	out = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)));
	NEED(connect(out, SA(&a), sizeof(a)));
	in = NEED(accept(l, NULL, NULL));
	NEED(setsockopt(in, SOL_SOCKET, SO_OOBINLINE, &oobinline, sizeof(int)));
	close(l);
}

/* Waits until all that was sent has arrived: nothing waits to be acknowledged. */
static void arrived(void)
{
	int left = 1;

	while (left)
		NEED(ioctl(out, SIOCOUTQ, &left));
}

/*
 * Plays @acts, a letter each. A capital is sent as urgent, a small letter as data. '!' reads out of
 * band, '?' a byte, '*' all there is. '|' prints whether we are at the mark and how much is there.
 */
static void play(int oobinline, const char *acts)
{
	char line[300] = "", buf[16];

	open_pair(oobinline);
	for (const char *p = acts; *p; p++) {
		char *end = line + strlen(line);
		int mark = 0, n = 0;

		if (strchr("!?*", *p)) {
			memset(buf, 0, sizeof(buf));
			errno = 0;
			n = (int)recv(in, buf, *p == '*' ? 8 : 1,
				MSG_DONTWAIT | (*p == '!' ? MSG_OOB : 0));
			sprintf(end, " %c%s", *p, n < 0 ? t_errno(errno) : n ? buf : "end");
		} else if (*p == '|') {
			NEED(ioctl(in, SIOCATMARK, &mark));
			NEED(ioctl(in, FIONREAD, &n));
			sprintf(end, " |%d,%d", mark, n);
		} else {
			NEED(send(out, p, 1, *p <= 'Z' ? MSG_OOB : 0));
			arrived();
		}
	}
	say("%d %s:%s", oobinline, acts, line);
	close(in);
	/* unread data resets the connection */
	NEED(poll(&(struct pollfd){ .fd = out, .events = POLLIN }, 1, 5000));
	errno = 0;
	T(recv(out, buf, 1, MSG_DONTWAIT));
	close(out);
}

TEST(tcp_urgent)
{
	static const char *const acts[] = { "A|!|B|?|!|", "A|B|!|?|!|", "aA|B|?|?|!|",
		"A|!|b|B|?|?|!|", "A|!|bB|*|*|!|", "A!B!C!d|*|", "A!B*C*|!|", "AB|*|*|",
		"aAbBcC|*|*|*|*|!|", "A!B|", "A|?|B|!|?", "abA!|?|B|*|*|!|c*" };

	lo_up();
	for (unsigned i = 0; i < 2 * sizeof(acts) / sizeof(acts[0]); i++)
		play((int)(i % 2), acts[i / 2]);
}
