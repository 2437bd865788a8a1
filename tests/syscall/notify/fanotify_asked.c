/* SPDX-License-Identifier: MIT */
/*
 * fanotify_asked: an open() that a dozen groups are asked to permit: each is asked, the groups that
 * may fill the file in first, and a single denial is enough. The host's side prints what is
 * expected.
 */
#include "guest.h"

#include <sys/fanotify.h>

#define GROUPS 12

static int fan[GROUPS], order[GROUPS], asked;

static void answer(int i, bool allow)
{
	struct fanotify_event_metadata e;
	struct fanotify_response r;

	NEED(read(fan[i], &e, sizeof(e)));
	r.fd = e.fd;
	r.response = allow ? FAN_ALLOW : FAN_DENY;
	NEED(write(fan[i], &r, sizeof(r)));
	close(e.fd);
	order[asked++] = i;
}

/* Opens a file; the @no-th group that is asked denies it (0: none). */
static void opening(const char *what, int no)
{
	struct pollfd p[GROUPS + 1];
	int end[2], status = 0;
	pid_t pid;
	char c;

	say("%s", what);
	asked = 0;
	NEED(pipe(end));
	pid = SPAWN({
		close(end[0]);
		exit(in_guest() && open("f", O_RDONLY) < 0 ? errno : 0);
	});
	close(end[1]);
	for (int i = 0; i < GROUPS; i++)
		p[i] = (struct pollfd){ .fd = fan[i], .events = POLLIN };
	p[GROUPS] = (struct pollfd){ .fd = end[0], .events = POLLIN };
	while (in_guest()) {
		NEED(poll(p, GROUPS + 1, 100000) == 0 ? -1 : 0);
		for (int i = 0; i < GROUPS; i++)
			if (p[i].revents & POLLIN)
				answer(i, asked + 1 != no);
		if (p[GROUPS].revents)
			break;
	}
	NEED(read(end[0], &c, 1));
	close(end[0]);
	waitpid(pid, &status, 0);
	GT(t_errno(WEXITSTATUS(status)), no ? "EPERM" : "0");
}

TEST(fanotify_asked)
{
	t_text("f", "text");
	/* the last three are asked first */
	for (int i = 0; i < GROUPS; i++) {
		fan[i] = GNEED(fanotify_init(
			i < GROUPS - 3 ? FAN_CLASS_CONTENT : FAN_CLASS_PRE_CONTENT, O_RDONLY));
		GNEED(fanotify_mark(fan[i], FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "f"));
	}
	opening("all say yes", 0);
	G(asked, "12");
	GIS(order[0] >= GROUPS - 3 && order[1] >= GROUPS - 3 && order[2] >= GROUPS - 3);
	opening("the last says no", GROUPS);
	G(asked, "12");
	opening("the first says no", 1);
	G(asked, "1");
	GIS(order[0] >= GROUPS - 3);
}
