/* SPDX-License-Identifier: MIT */
/* /proc/PID/autogroup: a session's group and its nice level. */
#include "t.h"

static char group[64];

static void show(const char *what)
{
	char text[64];
	int fd = open("/proc/self/autogroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *space;

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	space = strchr(text, ' ');
	if (!space) {
		say("%s: no group", what);
		return;
	}
	*space = 0;
	say("%s: %s group,%s", what, strcmp(group, text) ? "another" : "the same",
		strtok(space + 1, "\n"));
	strcpy(group, text);
}

static void set(const char *text)
{
	int fd = open("/proc/self/autogroup", O_WRONLY);

	T(write(fd, text, strlen(text)));
	close(fd);
}

/* Writes again until it succeeds, as Linux lets a user write only ten times a second. */
static void set_again(const char *text)
{
	int fd = open("/proc/self/autogroup", O_WRONLY);
	long n;

	T_WAIT((n = write(fd, text, strlen(text))) != -1 || errno != EAGAIN);
	t_result(text, n, errno);
	close(fd);
}

static void session(void)
{
	OK(setsid());
	show("new");
	T(setsid());
	show("after a refusal");
	set("5");
	show("set");
	set_again(" 0x3 ");
	show("set");
	set_again(" 00000000000000003  ");
	set("x");
	set("20");
	set("-21");
	set("");
	CHILD(show("a child"); setpgid(0, 0); show("another process group"));
	if (!geteuid()) {
		set("-7");
		show("set");
		setuid(65534);
	}
	set_again("-8");
}

TEST(proc_autogroup)
{
	char path[64];

	CHILD(session());
	snprintf(path, sizeof(path), "/proc/self/task/%d/autogroup", getpid());
	T(open(path, O_RDONLY));
}
