/* SPDX-License-Identifier: MIT */
/*
 * console.c: `nestctl console UMID [LINE]`: connects this terminal to a line (a console or serial
 * line) of a running instance, until the user types the escape key and d.
 *
 * The line itself does not change: its other connections (con0=fd:0,fd:1 ...) show the output, too,
 * and its programs notice nothing. drivers/console/attach_host.h has the protocol. This terminal is
 * raw meanwhile, and is restored however nestctl ends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/console/attach_host.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/terminal.h"

/* ms to wait for further output after the end of an input that is no terminal */
#define QUIET_MS 1000

enum { KEY_OWN = 256, KEY_SOCKET };
static const struct option_row options[] = {
	{ 'e', "escape", "KEY", "the escape key: ^], another such as ^A, or none" },
	{ 'n', "new", NULL, "no scroll-back: only new output" },
	{ 'l', "list", NULL, "list the lines" },
	{ KEY_JSON, "json", NULL, "list them in JSON, for programs" },
	{ KEY_OWN, "own", NULL, "hang the line up at the end" },
	{ KEY_SOCKET, "socket", "PATH", "the instance's console socket, instead of UMID" },
	{ 0 },
};

static int console_run(int argc, char **argv);
const struct command cmd_console = {
	.name = "console",
	.args = "[UMID] [LINE]",
	.help = "Shows a console of a running instance on this terminal.",
	.text = "LINE is con0 to con15 (also tty0 ... or a number), or ssl0 to ssl15 (ttyS0 "
		"...); con0 by default. Earlier output comes first (up to 64 KiB). Keys go to "
		"the line, whatever its other connections.\n\nThe escape key, ^] , and then d "
		"detach; pressed twice it is sent; and h lists these keys. The line's programs "
		"go on. A standard input that is no terminal is sent, and a second after the "
		"last output the command ends.",
	.options = options,
	.run = console_run,
};

static int sock = -1;
static int escape = 0x1d;
static bool raw; /* standard input is a raw terminal */

/* Returns the code of the escape key, such as "^]", or -1 for "none". Dies on any other text. */
static int parse_escape(const char *text)
{
	if (!strcmp(text, "none"))
		return -1;
	if (text[0] == '^' && text[1] >= '@' && text[1] <= '_' && !text[2])
		return text[1] - '@';
	if (text[0] == '^' && text[1] >= 'a' && text[1] <= 'z' && !text[2])
		return text[1] - '`';
	die("--escape %s: expected ^A to ^_, or none", text);
}

/* Returns the kernel's name of the line "tty1", "ttyS1" or "1". */
static const char *line_name(const char *text)
{
	if (!strncmp(text, "ttyS", 4))
		return format("ssl%s", text + 4);
	if (!strncmp(text, "tty", 3))
		return format("con%s", text + 3);
	if (*text >= '0' && *text <= '9')
		return format("con%s", text);
	return text;
}

static int try_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return -1;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int connect_umid(const char *umid)
{
	const char *home = getenv("HOME"), *runtime = getenv("XDG_RUNTIME_DIR");
	int fd = -1;

	if (strchr(umid, '/'))
		return try_connect(format("%s/console", umid));
	if (home)
		fd = try_connect(format("%s/.uml/%s/console", home, umid));
	if (fd < 0 && runtime)
		fd = try_connect(format("%s/uml/%s/console", runtime, umid));
	return fd;
}

/* ---- output to the line ---- */

static void send_packet(char type, const void *data, size_t n)
{
	char buf[ATTACH_PACKET];

	buf[0] = type;
	memcpy(buf + 1, data, n);
	while (send(sock, buf, n + 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void send_size(void)
{
	struct winsize ws;

	if (!ioctl(0, TIOCGWINSZ, &ws) && ws.ws_row)
		send_packet(ATTACH_SIZE, &(struct attach_size){ ws.ws_row, ws.ws_col },
			sizeof(struct attach_size));
}

/*
 * Sends typed keys up to a request to detach, except for sequences of the escape key. Returns false
 * to detach.
 */
static bool send_keys(const char *keys, size_t n)
{
	static bool escaped;
	bool detached = false;
	char out[1024];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		bool was = escaped;

		escaped = raw && !was && (unsigned char)keys[i] == escape;
		if (escaped)
			continue;
		detached = was && (keys[i] == 'd' || keys[i] == '.' || keys[i] == 'q');
		if (detached)
			break;
		if (was && keys[i] == 'h')
			fputs("\r\n[d: detach; h: this; the escape key again: send it]\r\n",
				stderr);
		else if (!was || (unsigned char)keys[i] == escape)
			out[k++] = keys[i];
	}
	if (k)
		send_packet(ATTACH_DATA, out, k);
	return !detached;
}

/* ---- input from the line ---- */

/* the kernel's name of the line, such as "con0" */
static const char *line = "?";

/* Receives a packet. Returns false if the instance has ended. */
static bool receive(void)
{
	char buf[ATTACH_PACKET];
	ssize_t n = recv(sock, buf, sizeof(buf), 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	if (buf[0] == ATTACH_ERROR) {
		terminal_restore();
		die("%s: %.*s; `nestctl console -l` lists the lines", line, (int)n - 1, buf + 1);
	}
	if (buf[0] == ATTACH_DATA)
		write_all(1, buf + 1, (size_t)n - 1, "standard output");
	return true;
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Carries bytes until one side ends. Returns a message, or "" if this side ended. */
static const char *talk(void)
{
	struct pollfd p[3] = { { sock, POLLIN, 0 }, { 0, POLLIN, 0 },
		{ watch_signals(), POLLIN, 0 } };
	struct signalfd_siginfo si;
	char keys[1024];
	ssize_t n;

	for (;;) {
		n = poll(p, 3, p[1].fd < 0 ? QUIET_MS : -1);
		if (n < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		if (!n)
			return "";
		if (p[0].revents && !receive())
			return "the instance has closed the line";
		if (p[2].revents && read(p[2].fd, &si, sizeof(si)) == sizeof(si)) {
			if (si.ssi_signo == SIGTSTP)
				terminal_stop();
			else if (si.ssi_signo != SIGWINCH)
				return "";
			send_size();
		}
		if (!p[1].revents)
			continue;
		n = read(0, keys, sizeof(keys));
		if (n > 0 && !send_keys(keys, (size_t)n))
			return "";
		if (n <= 0)
			p[1].fd = -1;
	}
}

/* Prints the lines in the instance's reply. */
static int list_lines(bool json)
{
	char buf[ATTACH_PACKET + 1], *names = buf + 1;
	ssize_t n;

	send_packet(ATTACH_LIST, "", 0);
	do
		n = recv(sock, buf, ATTACH_PACKET, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || buf[0] != ATTACH_LIST)
		die("the instance does not answer");
	buf[n] = '\0';
	if (json)
		json_open(NULL, '[');
	for (char *name; (name = strsep(&names, "\n"));) {
		if (!*name)
			continue;
		if (json)
			json_text(NULL, name);
		else
			puts(name);
	}
	if (json)
		json_close(']');
	return 0;
}

static void attach(int flags)
{
	char text[32];

	if (strlen(line) < 1 || strlen(line) > 12)
		die("%s: there is no such line; `nestctl console -l` lists the lines", line);
	text[0] = (char)flags;
	strcpy(text + 1, line);
	send_packet(ATTACH_LINE, text, 1 + strlen(line));
}

static int console_run(int argc, char **argv)
{
	const char *socket_path = NULL, *why;
	int flags = 0;
	bool list = false, json = false;
	char **words;

	for (int key; (key = next_option(&cmd_console, argc, argv));)
		switch (key) {
		case 'e': escape = parse_escape(optarg); break;
		case 'n': flags |= ATTACH_QUIET; break;
		case 'l': list = true; break;
		case KEY_OWN: flags |= ATTACH_OWN; break;
		case KEY_JSON: json = list = true; break;
		case KEY_SOCKET: socket_path = optarg; break;
		}
	words = take_words(&cmd_console, argc, argv, socket_path ? 0 : 1, socket_path ? 1 : 2);
	sock = socket_path ? try_connect(socket_path) : connect_umid(words[0]);
	if (sock < 0)
		die("%s: no running instance of this name", socket_path ? socket_path : words[0]);
	if (list)
		return list_lines(json);
	words += !socket_path;
	line = line_name(*words ? *words : "con0");
	attach(flags);
	raw = terminal_raw(true);
	if (raw && escape >= 0)
		fprintf(stderr, "[escape key is ^%c; ^%c d detaches]\r\n", escape + '@',
			escape + '@');
	send_size();
	why = talk();
	terminal_restore();
	if (raw || isatty(0))
		fprintf(stderr, "\r\n[%s]\n", *why ? why : "detached");
	return 0;
}
