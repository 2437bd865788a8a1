/* SPDX-License-Identifier: MIT */
/*
 * xterm_host.c: a line in its own window: a terminal program runs `nestctl console`, which connects
 * to the line as its owner. So its keys, its size and its end arrive like those of any client. The
 * terminal program starts when a program in the guest opens the line, and ends with its client when
 * the line has been closed.
 *
 * One thread for each start waits for the program. If the program ends before its client has
 * connected, the line is hung up, since getty would otherwise wait for ever.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/console/internal_host.h"
#include "os-linux/host.h"

static char program[CON_TEXT] = "x-terminal-emulator", title_switch[32] = "-T",
	    exec_switch[32] = "-e";

int con_host_xterm(const char *spec)
{
	char text[CON_TEXT + 64], *at = text, *word[3];

	if (strlen(spec) >= sizeof(text))
		return -EINVAL;
	strcpy(text, spec);
	for (int i = 0; i < 3; i++)
		word[i] = strsep(&at, ",");
	if (at || !word[2] || !*word[0] || !*word[2] || strlen(word[0]) >= sizeof(program) ||
		strlen(word[1]) >= sizeof(title_switch) || strlen(word[2]) >= sizeof(exec_switch))
		return -EINVAL;
	strcpy(program, word[0]);
	strcpy(title_switch, word[1]);
	strcpy(exec_switch, word[2]);
	return 0;
}

/* Finds nestctl in the kernel's folder, or else in the PATH. */
static void find_nestctl(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - sizeof("nestctl"));
	char *slash;

	path[n < 0 ? 0 : n] = 0;
	slash = strrchr(path, '/');
	if (slash)
		strcpy(slash + 1, "nestctl");
	if (!slash || access(path, X_OK))
		snprintf(path, size, "nestctl");
}

/*
 * The path of the console's socket in the broker, a process with its own copies of these variables.
 */
static char broker_path[256];

static void set_path(const char *path)
{
	snprintf(broker_path, sizeof(broker_path), "%s", path);
}

static void set_words(const char *spec)
{
	con_host_xterm(spec);
}

void xterm_register_opener(void)
{
	char spec[2 * CON_TEXT + 64];

	snprintf(spec, sizeof(spec), "%s,%s,%s", program, title_switch, exec_switch);
	os_jail_run(set_words, spec);
	os_jail_run(set_path, serve_attach_path());
}

pid_t xterm_run(const char *line)
{
	extern char **environ;
	char nestctl[512], title[64], name[64], socket[256];
	char *argv[12], **a = argv; /* posix_spawnp() does not change them */
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;
	int err;

	find_nestctl(nestctl, sizeof(nestctl));
	snprintf(title, sizeof(title), "%s", line);
	snprintf(name, sizeof(name), "%s", line);
	snprintf(socket, sizeof(socket), "%s", *broker_path ? broker_path : serve_attach_path());
	*a++ = program;
	if (title_switch[0]) {
		*a++ = title_switch;
		*a++ = title;
	}
	*a++ = exec_switch;
	*a++ = nestctl;
	*a++ = (char *)"console";
	*a++ = (char *)"--own";
	*a++ = (char *)"--socket";
	*a++ = socket;
	*a++ = name;
	*a = NULL;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	err = posix_spawnp(&pid, program, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return err ? -1 : pid;
}

/*
 * Waits for the program, then for its client. Some terminal programs pass their window to a server
 * and end at once, so the client may connect a little later.
 */
static void xterm_thread(void *arg)
{
	struct con_host *h = arg;
	uint32_t before = serve_owned(h);
	/*
	 * The broker's program is no child of this process, so only the client can be waited for.
	 */
	int steps = os_jailed() ? 100 : 20;
	pid_t pid = -1;

	if (serve_attach_path()[0])
		pid = os_jailed() ? !jailed_xterm(h->name) : xterm_run(h->name);
	if (pid > 0 && !os_jailed())
		host_reap(pid);
	for (int i = 0; pid > 0 && i < steps && serve_owned(h) == before; i++)
		host_pause(100);
	if (serve_owned(h) == before)
		line_hangup(h);
}

void xterm_start(struct con_host *h)
{
	if (os_worker_start("con-xterm", xterm_thread, h))
		line_hangup(h);
}
