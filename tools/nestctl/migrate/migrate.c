/* SPDX-License-Identifier: MIT */
/*
 * migrate.c: `nestctl migrate`: sends a running instance to `nestctl receive` (protocol.h).
 *
 * Each round saves the instance into a folder without a name, and sends the changes since the round
 * before while the instance runs. When the changes are few enough, or do not become fewer, the last
 * save holds the instance. If this process is killed, the next nestctl removes the folder, and the
 * instance continues, since its channel is closed (hold.c).
 *
 * The file `memory` of a save has only the pages that have changed since the round before, whose
 * file is memory.1, and so on (mig_next()). A disk's layer has the changes since that round, and
 * older parts have other names.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/migrate/migrate.h"
#include "tools/nestctl/run/stop.h"

#define ROUNDS_MAX 30
#define SAVE_MS 600000
#define STEP_MS 200
/* assumed time, in ms, until the receiver's kernel has started */
#define START_GUESS 30
/* True if a round has sent at least a tenth less than the one before, so that another may help. */
#define SHRINKS(now, before) ((now) < (before) / 10 * 9)
#define EXIT_UNKNOWN 3

/* A migration, at the source. */
struct source {
	struct instance in;
	const char *to;
	bool shared, json;
	long downtime, timeout_ms; /* both in ms */
	struct conn conn;
	struct state_new folder;
	struct umid_console console;
	/* pidfd of the instance's kernel */
	int pidfd;
	struct state state;
	struct version files[MIG_FILES]; /* the versions that the receiver has */
	/* bits of the images that the receiver requested */
	uint64_t wanted;
	struct hold hold;
	bool held, committed;
	/* rounds begun so far */
	int rounds;
	/* for how long the last save stopped the instance, at the end the whole migration */
	uint64_t stopped_ns;
	uint64_t bytes; /* bytes of content in the last round */
	long took;      /* ms that the last round took */
	uint64_t rate;  /* bytes per ms, from the first round */
	/* name of the instance at the receiver */
	const char *runs_as;
};

/* ---- progress ---- */

/* the progress line: its text, bytes before the present file, bytes of all files */
static const char *shown;
static uint64_t shown_before, shown_total;

static void show(uint64_t bytes)
{
	progress("migrate", shown, shown_before + bytes, shown_total);
}

/* ---- saves ---- */

/*
 * Sends a command to the management console and waits for its reply, which the caller frees. Keeps
 * the connection to the receiver alive meanwhile. Dies if the instance has ended.
 */
static char *ask(struct source *s, const char *command, int *err)
{
	struct pollfd p[] = { { .fd = s->console.fd, .events = POLLIN },
		{ .fd = s->pidfd, .events = POLLIN } };
	size_t len;
	char *text;

	if (!umid_send(&s->console, command, NULL, 0))
		die("%s: the instance has ended", s->in.name);
	do
		conn_tick(&s->conn);
	while (poll(p, 2, STEP_MS) <= 0);
	text = umid_reply(&s->console, err, &len);
	if (!text)
		die("%s: the instance has ended", s->in.name);
	return text;
}

/* Makes the instance save to the folder and continue. Sets s->stopped_ns. */
static void save(struct source *s)
{
	unsigned long long stopped;
	int err;
	char *text;

	mig_next(s->folder.fd);
	text = ask(s, format("state save %s", s->folder.made), &err);
	text[strcspn(text, "\n")] = '\0';
	if (err || sscanf(text, "stopped %llu", &stopped) != 1)
		die("%s: %s", s->in.name, *text ? text : strerror(err < 0 ? -err : EIO));
	s->stopped_ns = stopped;
	free(text);
}

/*
 * Opens the files of the last save: MIG_FILES versions, of which missing files have no descriptor.
 */
static void open_files(struct source *s, struct version *v)
{
	for (int i = 0; i < MIG_FILES; i++) {
		v[i] = (struct version){ .fd = -1 };
		if (!faccessat(s->folder.fd, mig_name(i), F_OK, AT_SYMLINK_NOFOLLOW))
			v[i] = version_open(s->folder.fd, mig_name(i));
	}
}

/* Returns the number that the file had in the round before, or -1 if it is new. */
static int number_before(const struct source *s, const struct version *v)
{
	for (int i = 0; i < MIG_FILES; i++)
		if (s->files[i].fd >= 0 && s->files[i].inode == v->inode)
			return i;
	return -1;
}

/*
 * Sends a MIG_KEEP for each unchanged file. Sets @kept at its number in the round before, and @sent
 * at its number in this round.
 */
static void keep_files(struct source *s, const struct version *now, bool *kept, bool *sent)
{
	for (int i = 0; i < MIG_FILES; i++) {
		int before = now[i].fd < 0 ? -1 : number_before(s, &now[i]);
		struct mig_keep k = { .from = "" };

		if (before < 0)
			continue;
		strcpy(k.from, mig_name(before));
		strcpy(k.name, mig_name(i));
		conn_send(&s->conn, MIG_KEEP, &k, sizeof(k), NULL, 0);
		kept[before] = sent[i] = true;
	}
}

/*
 * Sends the files of a save, the memory last, since it changes most. Unless it is the last round,
 * they become s->files, and s->bytes and s->took are set.
 */
static void send_files(struct source *s, bool last)
{
	struct version now[MIG_FILES];
	bool kept[MIG_FILES] = { false }, sent[MIG_FILES] = { false };
	long begun = conn_now();

	open_files(s, now);
	if (now[0].fd < 0)
		die("%s: the kernel has written no memory", s->in.name);
	s->rounds++;
	s->bytes = 0;
	shown = format("%s, round %d", s->in.name, s->rounds);
	shown_before = shown_total = 0;
	for (int i = 1 + STATE_OLDER; s->rounds > 1 && i < MIG_FILES; i += STATE_PARTS + 1)
		if ((now[i].fd < 0) != (s->files[i].fd < 0))
			die("%s: its disks have changed meanwhile", s->in.name);
	keep_files(s, now, kept, sent);
	for (int i = 0; i < MIG_FILES; i++)
		shown_total += now[i].fd < 0 || sent[i] ? 0 : now[i].size;
	for (int i = MIG_FILES - 1; i >= 0; i--) {
		bool has_old = s->files[i].fd >= 0 && !kept[i];

		if (now[i].fd < 0 || sent[i])
			continue;
		s->bytes += delta_send(
			&s->conn, mig_name(i), has_old ? &s->files[i] : NULL, &now[i], show);
		shown_before += now[i].size;
	}
	if (last)
		return;
	for (int i = 0; i < MIG_FILES; i++) {
		version_close(&s->files[i]);
		s->files[i] = now[i];
	}
	conn_flush(&s->conn);
	s->took = conn_now() - begun + 1;
}

/* ---- the rounds ---- */

/* Returns the features of the instance's CPU, separated by blanks, or "". */
static const char *cpu_flags(struct source *s)
{
	int err;
	char *text = ask(s, "proc cpuinfo", &err), *flags = strstr(text, "\nflags\t");

	flags = flags ? strchr(flags, ':') : NULL;
	if (!flags)
		return "";
	flags++;
	flags[strcspn(flags, "\n")] = '\0';
	return flags;
}

/* Returns @path with symbolic links resolved. */
static const char *real_path(const char *path)
{
	char *real = realpath(path, NULL);

	if (!real)
		die("%s: %s", path, strerror(errno));
	return real;
}

/* Sends the images in s->wanted. */
static void send_images(struct source *s)
{
	for (size_t i = 0; i < s->state.nr_images; i++) {
		struct version v;

		if (!(s->wanted >> i & 1))
			continue;
		v = version_open(AT_FDCWD, real_path(s->state.images[i].path));
		shown = s->state.images[i].path;
		shown_before = 0;
		shown_total = v.size;
		delta_send(&s->conn, format("image %d", (int)i), NULL, &v, show);
		version_close(&v);
	}
}

/*
 * Sends the offer, waits until the receiver has checked and accepted it, and sends the images that
 * the receiver lacks.
 */
static void offer(struct source *s)
{
	const struct state_file *f;
	struct message m;
	struct offer o;
	uint64_t bytes = 0;

	s->state = save_described(&s->in, &s->console, s->folder.fd);
	for (size_t i = 0; (f = state_nth_file(&s->state, i)); i++)
		bytes += f->disk;
	o = offer_of(&s->state, cpu_flags(s), bytes, s->shared);
	offer_send(&s->conn, &o);
	m = conn_expect(&s->conn, MIG_ACCEPT, sizeof(s->wanted));
	memcpy(&s->wanted, m.data, sizeof(s->wanted));
	send_images(s);
}

/* Sends the files of a save, and waits until the receiver has all of them. */
static void round_of(struct source *s)
{
	uint64_t number, wanted;
	struct message m;

	send_files(s, false);
	number = wanted = (uint64_t)s->rounds;
	conn_send(&s->conn, MIG_ROUND, &number, sizeof(number), NULL, 0);
	m = conn_expect(&s->conn, MIG_ROUND, sizeof(number));
	memcpy(&number, m.data, sizeof(number));
	if (number != wanted)
		die("%s: it does not keep to the protocol (round %llu)", s->conn.peer,
			(unsigned long long)number);
	if (s->rounds == 1)
		s->rate = s->bytes / (uint64_t)s->took + 1;
}

/*
 * True if the instance would be stopped for longer than --downtime, and another round may help.
 * @before: bytes of the round before.
 */
static bool goes_on(const struct source *s, uint64_t before)
{
	uint64_t rest = s->bytes / s->rate + s->stopped_ns / 1000000 + START_GUESS;

	return rest > (uint64_t)s->downtime && s->rounds < ROUNDS_MAX &&
	       (s->rounds < 3 || SHRINKS(s->bytes, before));
}

/* Sends state.json, and waits until the receiver's kernel waits for the files. */
static void send_state(struct source *s)
{
	char *text = xalloc(MIG_MAX);
	ssize_t n;
	int fd;

	state_write(&s->state, s->folder.fd);
	fd = openat(s->folder.fd, STATE_JSON, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, MIG_MAX);
	if (n <= 0 || n == MIG_MAX)
		die(STATE_JSON ": %s", n < 0 ? strerror(errno) : "too large");
	unlinkat(s->folder.fd, STATE_JSON, 0);
	close(fd);
	conn_send(&s->conn, MIG_STATE, text, (size_t)n, NULL, 0);
	free(text);
	/* the receiver's kernel starts while the instance still runs */
	conn_expect(&s->conn, MIG_READY, 0);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Dies if a device was plugged in or taken away since the offer was sent to the receiver. */
static void check_devices(struct source *s)
{
	struct state now = save_described(&s->in, &s->console, s->folder.fd);
	bool same = now.mem == s->state.mem;

	for (int i = 0; i < STATE_DISKS; i++)
		same = same && same_text(now.disks[i].layer.name, s->state.disks[i].layer.name) &&
		       same_text(now.disks[i].backing, s->state.disks[i].backing);
	for (int i = 0; i < STATE_CARDS; i++)
		same = same && same_text(now.cards[i], s->state.cards[i]);
	if (!same)
		die("%s: its devices have changed meanwhile", s->in.name);
}

/* Sends rounds while the instance runs, until the last one may follow. */
static void all_rounds(struct source *s)
{
	uint64_t before = UINT64_MAX;

	save(s);
	offer(s);
	round_of(s);
	send_state(s);
	/* the first round sends everything; only the second one shows how much changes */
	do {
		before = s->rounds > 1 ? s->bytes : UINT64_MAX;
		save(s);
		round_of(s);
	} while (goes_on(s, before));
}

/* ---- the last round ---- */

/* Waits for MIG_RUNS. Called by attempt(), as is migrate_all(). */
static void await_runs(void *arg)
{
	struct source *s = arg;
	struct message m = conn_expect(&s->conn, MIG_RUNS, 0);

	s->runs_as = conn_text(&m);
}

/*
 * Gives the instance to the receiver. From MIG_COMMIT on only the receiver knows whether it runs.
 */
static void commit(struct source *s)
{
	const char *why;

	conn_expect(&s->conn, MIG_READY, 0);
	conn_hold_signals(true);
	if (!hold_commit(&s->hold))
		die("%s: the instance has ended", s->in.name);
	if (!conn_send_surely(&s->conn, MIG_COMMIT))
		die("%s: %s", s->conn.peer, strerror(errno));
	s->committed = true;
	why = attempt(await_runs, s);
	if (why && s->conn.refused)
		s->committed = false; /* the receiver never runs it */
	if (why)
		die("%s", why);
}

static void migrate_all(void *arg)
{
	struct source *s = arg;
	long begun;

	conn_watch_signals();
	conn_begin(&s->conn, s->timeout_ms);
	s->folder = state_begin_unnamed();
	conn_watch_signals();
	umid_connect(&s->console, s->in.folder);
	s->console.wait_ms = SAVE_MS;
	s->pidfd = (int)syscall(SYS_pidfd_open, s->in.pid, 0);
	if (s->pidfd < 0)
		die("%s: %s", s->in.name, strerror(errno));
	all_rounds(s);
	/* a held instance does not answer, so check before the hold */
	check_devices(s);
	mig_next(s->folder.fd);
	s->hold = hold_begin(&s->in, s->folder.made, &s->conn);
	s->held = true;
	s->stopped_ns = s->hold.ns;
	begun = conn_now();
	send_files(s, true);
	conn_send(&s->conn, MIG_LAST, NULL, 0, NULL, 0);
	commit(s);
	s->stopped_ns += (uint64_t)(conn_now() - begun) * 1000000;
}

/*
 * Reports a failure. If the instance may run at the receiver, leaves it held here and returns the
 * exit status. Otherwise makes the instance continue here and dies.
 */
static int give_up(struct source *s, const char *why)
{
	bool here = !s->held || (!s->committed && hold_release(&s->hold));

	progress_end();
	if (s->committed) {
		hold_leave(&s->hold);
		conn_end(&s->conn);
		warn("%s; %s may run there or not, so it stands still here", why, s->in.name);
		warn("if it does not run there: nestctl migrate --resume %s; if it does: nestctl "
		     "kill %s",
			s->in.name, s->in.name);
		return EXIT_UNKNOWN;
	}
	conn_refuse(&s->conn, why);
	conn_end(&s->conn);
	state_drop();
	if (here)
		die("%s; %s goes on here", why, s->in.name);
	die("%s", why);
}

static void print(const struct source *s)
{
	progress_end();
	if (!s->json) {
		printf("%s: runs at %s as %s; it stood still for %.1f ms; %.1f MiB in %d rounds\n",
			s->in.name, s->to, s->runs_as, (double)s->stopped_ns / 1e6,
			(double)s->conn.sent / (1 << 20), s->rounds);
		return;
	}
	json_open(NULL, '{');
	json_text("name", s->runs_as);
	json_text("to", s->to);
	json_number("stopped_ns", (int64_t)s->stopped_ns);
	json_number("sent", (int64_t)s->conn.sent);
	json_number("rounds", s->rounds);
	json_close('}');
}

/* True if the words after the instance's name are an address, not a command. */
static bool is_address(char **words)
{
	size_t kind = strcspn(words[0], ":/ ");

	return !words[1] && words[0][kind] == ':';
}

static int migrate_to(struct source *s, char **words)
{
	const char *why;

	s->to = words[0];
	s->conn = is_address(words) ? conn_to(words[0]) : conn_to_command(words);
	why = attempt(migrate_all, s);
	if (why)
		return give_up(s, why);
	machine_log_moved(s->in.name);
	instance_kill(&s->in);
	hold_leave(&s->hold);
	state_drop();
	conn_end(&s->conn);
	print(s);
	return 0;
}

/* ---- the command ---- */

/* Continues an instance that stayed held because the receiver might run it. */
static int resume(const char *name)
{
	struct instance in = instance_find(name);
	const char *mark = strstr(in.folder, MIG_ASIDE);
	struct umid_console c;
	size_t len;
	int err;
	char *text;

	umid_connect(&c, in.folder);
	text = umid_ask(&c, "state go", &err, &len);
	if (!text)
		die("%s: the instance has ended, or does not answer", in.name);
	if (err)
		die("%s: %s", in.name, text);
	if (mark)
		renameat2(AT_FDCWD, in.folder, AT_FDCWD,
			format("%.*s", (int)(mark - in.folder), in.folder), RENAME_NOREPLACE);
	return 0;
}

static long number(const char *text, const char *option, long most)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > most)
		die("%s %s: expected 1 to %ld", option, text, most);
	return n;
}

long migrate_seconds(const char *text)
{
	return 1000 * number(text, "--timeout", 86400);
}

enum { KEY_DOWNTIME = 256, KEY_SHARED, KEY_HERE, KEY_RESUME, KEY_TIMEOUT };

static int migrate(int argc, char **argv)
{
	struct source s = { .downtime = 300, .timeout_ms = 30000 };
	bool here = false, resumes = false;
	const char *kernel = NULL;
	char **words;

	for (int i = 0; i < MIG_FILES; i++)
		s.files[i].fd = -1;
	for (int key; (key = next_option(&cmd_migrate, argc, argv));)
		switch (key) {
		case KEY_DOWNTIME: s.downtime = number(optarg, "--downtime", 3600000); break;
		case KEY_SHARED: s.shared = true; break;
		case KEY_HERE: here = true; break;
		case KEY_RESUME: resumes = true; break;
		case KEY_TIMEOUT: s.timeout_ms = migrate_seconds(optarg); break;
		case 'k': kernel = optarg; break;
		default: s.json = true;
		}
	words = take_words(
		&cmd_migrate, argc, argv, here || resumes ? 1 : 2, here || resumes ? 1 : -1);
	if (resumes)
		return resume(words[0]);
	s.in = instance_find(words[0]);
	if (here) {
		migrate_here(&s.in, kernel, s.json);
		return 0;
	}
	return migrate_to(&s, words + 1);
}

static const struct option_row options[] = {
	{ KEY_DOWNTIME, "downtime", "MS",
		"the time for which it may stand still (300): a target, no promise" },
	{ KEY_SHARED, "shared-storage", NULL,
		"images of disks are the same files there, under the same paths" },
	{ KEY_HERE, "here", NULL, "to a new process on this host, with the same name" },
	{ 'k', "kernel", "FILE", "the kernel of --here, as for restore" },
	{ KEY_TIMEOUT, "timeout", "SECONDS", "give up if the receiver is silent for so long (30)" },
	{ KEY_RESUME, "resume", NULL,
		"let an instance go on that stands still since a migration with status 3" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_migrate = {
	.name = "migrate",
	.args = "UMID tcp:HOST:PORT|unix:PATH|exec:COMMAND|-- COMMAND...",
	.help = "Moves a running instance to another host or process.",
	.text = "At the other end nestctl receive waits, or COMMAND starts it. Memory and the "
		"layers "
		"of disks are sent while the instance runs, then what has changed, in rounds, "
		"until the rest would take no longer than --downtime. Then the instance stands "
		"still, the rest is sent, and it goes on there, with its address and its identity. "
		"If anything fails before that, also by a signal, it goes on here.\n\nThe build of "
		"the kernel must be the same there. What becomes of connections and terminals is "
		"in docs/state.md, how the two ends agree in docs/migration.md.\n\n\tnestctl "
		"migrate "
		"web -- ssh host nestctl receive -\n\tnestctl migrate web --here",
	.exits = "3: the connection broke at the moment of the handover. The instance stands still "
		 "here, since it may run there: --resume or nestctl kill.",
	.options = options,
	.run = migrate,
};
