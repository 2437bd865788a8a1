/* SPDX-License-Identifier: MIT */
/*
 * warm.c: `nestctl states warm`: the warmer, the process that keeps copies of a state waiting
 * (warm.h).
 *
 * Each copy is started by a child of the warmer, which opens and checks the state as a clone does,
 * sends the warmer the pipe with the reports of keeper and kernel, and ends. So the warmer's memory
 * does not grow. The warmer ends, and all waiting copies with it, when SIGTERM arrives, when the
 * state was removed or replaced, or when copies cannot be started.
 */
#include "tools/nestctl/state/warm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/run/run.h"

#define LOOK_MS 5000 /* between two checks of the state */
/* until a copy that was taken is replaced */
#define PAUSE_MS 100
/* until a copy that has ended is replaced, or a start that has failed is repeated */
#define AGAIN_MS 1000
#define END_MS 20000 /* until a warmer has ended */
/* how long a clone may take from the rename of a copy's folder to the copy's report that it runs */
#define TAKING_MS 2500
/* failures after which the warmer ends, if no copy was taken and not all have waited in between */
#define TRIES 3
/* descriptors of the warmer: its lock, and the pipe to the nestctl that has started it */
#define LOCK_FD 3
#define TOLD_FD 4

/* A lost copy is killed after so many looks: the clone that renamed its folder was killed. */
#define LOST_LOOKS 4

/* Place for one copy. */
struct slot {
	struct start st;
	bool used;
	int lost; /* looks in a row that found it lost */
	long due; /* ms: when to start the next copy */
};

struct warmer {
	const char *folder; /* warm/KEY */
	const char *state, *kernel, *digest;
	bool trust;       /* --trust was given */
	bool told;        /* tell() has answered */
	struct stat json; /* of the state's state.json */
	int count;        /* how many copies are to wait */
	int failures;     /* see failed() */
	long pause_until; /* ms: no start before that */
	const char *why;  /* of the last failure, or NULL */
	struct slot slots[WARM_COPIES];
	/* [i][home]: path of copy @i's folder in umid_home(home); NULL without that home */
	const char *names[WARM_COPIES][2];
	const char *json_name; /* path of state.json */
};

static volatile sig_atomic_t ended;

static void on_end(int unused)
{
	ended = 1;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- starting a copy ---- */

/* A start by a child. @fd: its end of the socket pair. */
struct birth {
	const struct warmer *w;
	int slot, fd;
};

/* Sends @text to the warmer, and with it the descriptor @fd unless that is -1. */
static void send_result(int socket, int fd, const char *text)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = { .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec iov = { (void *)text, strlen(text) + 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	while (sendmsg(socket, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Runs in the child: starts a kernel that waits. May die. */
static void begin(void *arg)
{
	const struct birth *b = arg;
	const struct warmer *w = b->w;
	struct state s = state_open(w->state);
	struct start st = {
		.state = &s,
		.name = warm_name(w->folder, b->slot),
		.clone = true,
		.warm = true,
		.pidfd = -1,
	};

	if (strcmp(s.digest, w->digest) != 0)
		die("%s: it was replaced", w->state);
	state_must_be_whole(&s);
	state_must_be_trusted(&s, w->trust);
	start_begin(&st, w->kernel);
	send_result(b->fd, st.report, "");
}

/*
 * Receives a result of send_result(). Returns the descriptor, or -1 with the text in @text, of
 * @size bytes.
 */
static int receive_result(int socket, char *text, size_t size)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct iovec iov = { text, size - 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;
	int fd = -1;

	do {
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	text[n > 0 ? n : 0] = '\0';
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (fd < 0 && !*text)
		snprintf(text, size, "the process that starts it has ended");
	return fd;
}

/* Notes that a copy could not be started, or has ended while it waited. Counts once in a pause. */
static void failed(struct warmer *w, struct slot *s, const char *why)
{
	w->failures += now_ms() >= w->pause_until;
	w->why = why;
	w->pause_until = s->due = now_ms() + AGAIN_MS;
}

static void start_copy(struct warmer *w, struct slot *s)
{
	struct birth b = { .w = w, .slot = (int)(s - w->slots) };
	sigset_t none;
	char text[1000];
	int pair[2], report;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		failed(w, s, format("socketpair: %s", strerror(errno)));
		return;
	}
	pid = fork();
	if (!pid) {
		const char *fault;

		signal(SIGTERM, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		b.fd = pair[1];
		fault = attempt(begin, &b);
		if (fault)
			send_result(b.fd, -1, fault);
		_exit(fault != NULL);
	}
	close(pair[1]);
	report = pid < 0 ? -1 : receive_result(pair[0], text, sizeof(text));
	close(pair[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (report < 0) {
		failed(w, s, format("%s", pid < 0 ? task_error(errno) : text));
		return;
	}
	s->used = true;
	s->lost = 0;
	s->st = (struct start){ .name = w->state, .report = report, .pidfd = -1 };
}

/* ---- ending copies ---- */

/* Forgets a copy, which was taken or has ended. */
static void forget(struct slot *s, long pause)
{
	close(s->st.report);
	if (s->st.pidfd >= 0)
		close(s->st.pidfd);
	s->used = false;
	s->due = now_ms() + pause;
}

/*
 * Ends the waiting copies of warm/KEY. Copies that clones have taken are left alone. Returns true
 * if a copy has ended.
 */
static bool end_copies(const char *folder)
{
	bool ended = false;

	for (int i = 0; i < WARM_COPIES; i++)
		ended |= warm_end_copy(warm_name(folder, i), 0);
	return ended;
}

static bool has_report(const struct slot *s)
{
	return poll(&(struct pollfd){ .fd = s->st.report, .events = POLLIN }, 1, 0) > 0;
}

/* True if copy @i has the name of a waiting one. */
static bool has_name(const struct warmer *w, int i)
{
	for (int home = 0; home < 2; home++)
		if (w->names[i][home] && !access(w->names[i][home], F_OK))
			return true;
	return false;
}

/*
 * True if a clone has renamed the folder of copy @i, and the copy does not run: the clone may have
 * been killed.
 */
static bool is_lost(const struct warmer *w, int i)
{
	const struct slot *s = &w->slots[i];

	return s->used && s->st.waits && !s->st.runs && !has_name(w, i) && !has_report(s);
}

static bool any_lost(const struct warmer *w)
{
	for (int i = 0; i < w->count; i++)
		if (is_lost(w, i))
			return true;
	return false;
}

static void kill_copy(const struct slot *s)
{
	if (s->st.pidfd >= 0)
		syscall(SYS_pidfd_send_signal, s->st.pidfd, SIGKILL, NULL, 0);
}

/* Waits up to END_MS / 2 for the copies that are starting, then ends all that wait. */
static void end_all(struct warmer *w)
{
	long end = now_ms() + END_MS / 2;
	bool starting = true;

	while (starting && now_ms() < end) {
		starting = false;
		for (int i = 0; i < w->count; i++) {
			struct slot *s = &w->slots[i];

			if (s->used && has_report(s) && !start_hear(&s->st))
				s->used = false;
			starting |= s->used && !s->st.waits && !s->st.runs;
		}
		if (starting)
			poll(NULL, 0, 10);
	}
	end_copies(w->folder);
	/* a clone that takes a copy at this moment lets it run soon */
	if (any_lost(w))
		poll(NULL, 0, TAKING_MS);
	for (int i = 0; i < w->count; i++)
		if (is_lost(w, i))
			kill_copy(&w->slots[i]);
}

/* ---- the warmer ---- */

/* Tells the nestctl that has started the warmer: "" if all copies wait, or why there are none. */
static void tell(struct warmer *w, const char *text)
{
	if (w->told)
		return;
	w->told = true;
	if (write(TOLD_FD, text, strlen(text) + 1) < 0)
		w->why = text;
	close(TOLD_FD);
}

static bool all_wait(const struct warmer *w)
{
	for (int i = 0; i < w->count; i++)
		if (!w->slots[i].used || !w->slots[i].st.waits)
			return false;
	return true;
}

static bool is_same(const struct warmer *w)
{
	struct stat st;

	return !stat(w->json_name, &st) && st.st_dev == w->json.st_dev &&
	       st.st_ino == w->json.st_ino && st.st_mtim.tv_sec == w->json.st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == w->json.st_mtim.tv_nsec;
}

/* Kills copies that LOST_LOOKS looks in a row have found lost. */
static void end_lost(struct warmer *w)
{
	for (int i = 0; i < w->count; i++) {
		struct slot *s = &w->slots[i];

		s->lost = is_lost(w, i) ? s->lost + 1 : 0;
		if (s->lost >= LOST_LOOKS)
			kill_copy(s);
	}
}

/* Called when there is nothing wrong with the copies. */
static void succeeded(struct warmer *w)
{
	w->failures = 0;
	w->why = NULL;
}

static void look_at(struct warmer *w, struct slot *s)
{
	bool lives = start_hear(&s->st);

	if (s->st.runs) {
		forget(s, PAUSE_MS);
		succeeded(w);
	} else if (!lives) {
		forget(s, AGAIN_MS);
		failed(w, s, s->st.error);
	}
}

/* Starts the copies that are due. Returns the ms until the next one is. */
static int start_due(struct warmer *w)
{
	long now = now_ms(), next = now + LOOK_MS;

	for (int i = 0; i < w->count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->used && s->due <= now && now >= w->pause_until && !ended)
			start_copy(w, s);
		if (!s->used && s->due < next)
			next = s->due;
	}
	if (next < w->pause_until)
		next = w->pause_until;
	return next > now ? (int)(next - now) : 0;
}

static void __attribute__((noreturn)) keep_warm(struct warmer *w)
{
	struct pollfd p[WARM_COPIES];
	struct sigaction sa = { .sa_handler = on_end };
	sigset_t term, none;
	long looked = now_ms();

	/* SIGTERM is noticed at poll() only, so that it is never too late for it */
	sigemptyset(&none);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	sigaction(SIGTERM, &sa, NULL);
	while (!ended && w->failures < TRIES) {
		int wait = start_due(w);
		struct timespec t = { wait / 1000, wait % 1000 * 1000000L };

		for (int i = 0; i < w->count; i++)
			p[i] = (struct pollfd){ .fd = w->slots[i].used ? w->slots[i].st.report : -1,
				.events = POLLIN };
		if (ppoll(p, (nfds_t)w->count, &t, &none) > 0)
			for (int i = 0; i < w->count; i++)
				if (p[i].revents)
					look_at(w, &w->slots[i]);
		if (all_wait(w))
			tell(w, "");
		if (now_ms() - looked > LOOK_MS) {
			looked = now_ms();
			if (!is_same(w)) {
				w->why = "the state was replaced or removed";
				break;
			}
			if (all_wait(w))
				succeeded(w);
			end_lost(w);
		}
	}
	end_all(w);
	tell(w, w->why ? w->why : "another nestctl has ended it");
	exit(0);
}

/* ---- the command ---- */

/* Opens the lock of warm/KEY. Returns its descriptor, or -1 if there is none. */
static int open_lock(const char *folder, int flags)
{
	return open(format("%s/lock", folder), O_RDWR | O_CLOEXEC | flags, 0600);
}

static void remove_folder(const char *folder)
{
	unlink(format("%s/lock", folder));
	unlink(format("%s/state", folder));
	unlink(format("%s/like", folder));
	rmdir(folder);
}

/* Returns the warmer of the folder, which holds the fcntl(2) lock, or 0. */
static pid_t warmer_of(int lock)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(lock, F_GETLK, &l) || l.l_type == F_UNLCK ? 0 : l.l_pid;
}

/* True if the open lock is still that of the folder. */
static bool is_present(int lock, const char *folder)
{
	struct stat mine, now;

	return !fstat(lock, &mine) && !stat(format("%s/lock", folder), &now) &&
	       mine.st_ino == now.st_ino && mine.st_dev == now.st_dev;
}

/*
 * Ends the warmer of warm/KEY, takes its flock(2), and ends the copies. @makes: makes a missing
 * folder. Returns the lock, or -1 if there is no folder. Sets *ended to true if a warmer or a copy
 * was ended. Dies if the warmer does not end within END_MS.
 */
static int take_over(const char *folder, bool makes, bool *ended)
{
	long end = now_ms() + END_MS;
	pid_t told = 0, pid;
	int lock;

	*ended = false;
	for (;;) {
		if (makes)
			make_dirs(folder);
		lock = open_lock(folder, makes ? O_CREAT : 0);
		if (lock < 0 && !(makes && errno == ENOENT))
			break;
		while (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB)) {
			pid = warmer_of(lock);
			if (pid && pid != told && !kill(pid, SIGTERM))
				*ended = true;
			told = pid ? pid : told;
			if (now_ms() > end)
				die("another nestctl does not end that uses %s", folder);
			poll(NULL, 0, 5);
		}
		/* the last holder may have removed the folder */
		if (lock >= 0 && is_present(lock, folder))
			break;
		if (lock >= 0)
			close(lock);
	}
	if (lock < 0 && makes)
		die("%s: %s", folder, strerror(errno));
	*ended |= end_copies(folder);
	return lock;
}

/* Ends the warmer of warm/KEY and the copies. Returns false if there was neither. */
static bool end_warmer(const char *folder)
{
	bool ended;
	int lock = take_over(folder, false, &ended);

	if (lock >= 0) {
		remove_folder(folder);
		close(lock);
	}
	return ended;
}

/*
 * True if a warmer, or a nestctl that starts one, has the lock of warm/KEY. Otherwise ends copies
 * and removes the folder, which a warmer that was killed has left.
 */
static bool has_warmer(const char *folder)
{
	int lock = open_lock(folder, 0);
	/* shared first, so that two processes that look do not take each other for a warmer */
	bool has = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB);

	if (lock >= 0 && !has && !flock(lock, LOCK_EX | LOCK_NB) && is_present(lock, folder)) {
		end_copies(folder);
		remove_folder(folder);
	}
	if (lock >= 0)
		close(lock);
	return has;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	write_all(fd, text, strlen(text), path);
	close(fd);
}

/* Detaches from the caller. The lock and the pipe become LOCK_FD and TOLD_FD. */
static void leave(int lock, int told)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	lock = fcntl(lock, F_DUPFD_CLOEXEC, 10);
	told = fcntl(told, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || lock < 0 || told < 0 || chdir("/"))
		_exit(1);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup3(lock, LOCK_FD, O_CLOEXEC);
	dup3(told, TOLD_FD, O_CLOEXEC);
	close_range(TOLD_FD + 1, ~0U, 0);
	gain_no_rights();
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/*
 * Dies if the state's copies cannot wait: a waiting copy has no name yet, and machines and cards
 * other than slirp's are made with the name. Nor may each copy open a window.
 */
static void check(const struct state *s)
{
	if (s->boot)
		die("%s: copies of a machine cannot wait", s->name);
	for (const char **p = s->params; *p; p++)
		if ((!strncmp(*p, "con", 3) || !strncmp(*p, "ssl", 3)) && strstr(*p, "=xterm"))
			die("%s: each copy that waits would open a window: %s", s->name, *p);
	for (int i = 0; i < STATE_CARDS; i++)
		if (s->cards[i] && !run_is_card(s->cards[i], "slirp"))
			die("%s: its eth%d is no card of slirp, so its copies cannot wait", s->name,
				i);
}

/* Starts a warmer and waits until the copies wait. */
static void start_warmer(struct state *s, int count, bool trust)
{
	struct warmer *w = xalloc(sizeof(*w));
	const char *like = warm_context();
	char text[1000] = "";
	int told[2], lock;
	bool was;
	ssize_t n;
	pid_t pid;

	check(s);
	state_must_be_whole(s);
	state_must_be_trusted(s, trust);
	w->state = s->folder;
	w->digest = s->digest;
	w->kernel = start_kernel_of(s, NULL);
	w->folder = warm_folder(s);
	w->json_name = format("%s/" STATE_JSON, s->folder);
	w->trust = trust;
	w->count = count;
	for (int i = 0; i < count; i++)
		for (int home = 0; home < 2; home++)
			if (umid_home(home))
				w->names[i][home] =
					format("%s/%s", umid_home(home), warm_name(w->folder, i));
	if (fstatat(s->fd, STATE_JSON, &w->json, 0))
		die("%s: %s", s->name, strerror(errno));
	if (!like)
		die("/proc/self cannot be read");
	lock = take_over(w->folder, true, &was);
	write_file(format("%s/state", w->folder), format("%s\n%d\n", s->folder, count));
	write_file(format("%s/like", w->folder), like);
	if (pipe2(told, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("cannot start a process: %s", task_error(errno));
	if (!pid) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		leave(lock, told[1]);
		if (fcntl(LOCK_FD, F_SETLK, &l))
			_exit(1);
		keep_warm(w);
	}
	close(lock);
	close(told[1]);
	state_close(s);
	n = get_some(told[0], text, sizeof(text) - 1);
	if (n > 0 && !*text)
		return;
	/* the folder may be that of another warmer by now, which has ended this one */
	has_warmer(w->folder);
	die("%s: no copy can wait: %s", s->name,
		n > 0 ? text : "the process that keeps them ended");
}

/* Returns how many copies of warm/KEY wait or are being started. */
static int waiting(const char *folder)
{
	int n = 0;

	for (int i = 0; i < WARM_COPIES; i++)
		for (int home = 0; home < 2; home++)
			n += umid_home(home) &&
			     umid_is_served(format("%s/%s", umid_home(home), warm_name(folder, i)));
	return n;
}

/* Reads the first line, a path, and the number behind it. Returns NULL if the file is damaged. */
static const char *read_state(const char *folder, int *count)
{
	char line[4200];
	FILE *f = fopen(format("%s/state", folder), "re");
	bool good = f && fgets(line, sizeof(line), f) && fscanf(f, "%d", count) == 1;

	if (f)
		fclose(f);
	line[good ? strcspn(line, "\n") : 0] = '\0';
	return good ? format("%s", line) : NULL;
}

static void show_one(struct table *t, const char *folder, bool json)
{
	const char *state, *store = format("%s/", state_store());
	int count;

	if (!has_warmer(folder))
		return;
	state = read_state(folder, &count);
	if (!state)
		return;
	if (!strncmp(state, store, strlen(store)))
		state += strlen(store);
	if (!json) {
		table_row(t, (const char *[]){
				     state, format("%d", waiting(folder)), format("%d", count) });
		return;
	}
	json_open(NULL, '{');
	json_text("state", state);
	json_number("waiting", waiting(folder));
	json_number("wanted", count);
	json_close('}');
}

static void show(bool json)
{
	struct table *t = table_new((const char *[]){ "STATE", "WAITING", "WANTED", NULL });
	DIR *d = opendir(data_dir("warm"));

	if (json)
		json_open(NULL, '[');
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			show_one(t, format("%s/%s", data_dir("warm"), e->d_name), json);
	if (d)
		closedir(d);
	if (json)
		json_close(']');
	else
		table_print(t);
}

static int number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > WARM_COPIES)
		die("states warm: -n %s: expected 0 to %d", text, WARM_COPIES);
	return (int)n;
}

enum { KEY_TRUST = 256 };

static int states_warm(int argc, char **argv)
{
	bool json = false, trust = false;
	int count = -1;
	char **words;
	struct state s;

	for (int key; (key = next_option(&cmd_states_warm, argc, argv));)
		switch (key) {
		case 'n': count = number(optarg); break;
		case KEY_TRUST: trust = true; break;
		default: json = true;
		}
	words = take_words(&cmd_states_warm, argc, argv, 0, 1);
	if (!*words && (count >= 0 || trust))
		die("states warm: of which state? TAG is missing");
	if (!*words) {
		show(json);
		return 0;
	}
	if (json)
		die("states warm: --json is for the list, without TAG");
	s = state_open(*words);
	if (!count) {
		const char *folder = warm_folder(&s);

		state_close(&s);
		if (!end_warmer(folder))
			die("%s: no copy of it waits", *words);
		return 0;
	}
	start_warmer(&s, count < 0 ? 1 : count, trust);
	return 0;
}

const struct command cmd_states_warm = {
	.name = "states warm",
	.args = "[TAG]",
	.help = "Keeps clones of a state ready to run, so that clone need not start them.",
	.text = "A waiting copy has done all but run. clone takes the waiting copies first and "
		"starts the rest itself; other copies are then made in the background. A copy "
		"occupies memory as an instance does, and uses no processor time. list does not "
		"show it.\n\n"
		"A copy inherits the user, the control groups, namespaces, limits, priorities and "
		"environment of this command. A clone takes it only if its own are equal, and not "
		"with --net, --host-user or --kernel. A second call replaces the first. The copies "
		"end with -n 0, with the process that keeps them, and some seconds after the state "
		"was removed or replaced. States of machines, and of instances with a card other "
		"than slirp or a console in an xterm, cannot wait.\n\nWithout TAG it lists the "
		"states with waiting copies.\n\n\tnestctl states warm ready -n 4\n\tnestctl clone "
		"ready --rm -- make check\n\tnestctl states warm ready -n 0",
	.options =
		(const struct option_row[]){
			{ 'n', "count", "N", "how many copies wait, 1 to 64 (1); 0 ends them" },
			{ KEY_TRUST, "trust", NULL,
				"also of a state of another maker, as for restore" },
			OPTION_JSON, { 0 } },
	.run = states_warm,
};
