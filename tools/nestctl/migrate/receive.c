/* SPDX-License-Identifier: MIT */
/*
 * receive.c: `nestctl receive`: takes an instance from `nestctl migrate` (protocol.h) and runs it.
 *
 * The files of the state are made in a folder of the store without a name. If this process ends
 * before the source has sent MIG_COMMIT, nothing is left: the kernel that it has started is held,
 * and ends with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/migrate/migrate.h"
#include "tools/nestctl/run/run.h"

#define NAMES_TRIED 100
#define PARAMS_MOST 1024

/* A migration, at the receiver. @name: of the instance here. */
struct receiver {
	const char *name, *wanted_kernel, *kernel;
	struct start_nets nets;
	long timeout_ms;
	struct conn conn;
	struct offer offer;
	struct state_new folder;
	struct apply apply;
	/* @image: path of each image on this host. @made: this process made the file. */
	const char *image[MIG_IMAGES];
	bool made[MIG_IMAGES];
	struct state state;
	struct start start;
	int channel; /* channel to the held kernel, or -1 */
	bool begun;  /* the kernel may have been started */
};

/* ---- images ---- */

/* Returns the number of the first image that is the same file: two disks can have one backing. */
static size_t same_image(const struct receiver *r, size_t i)
{
	size_t first = 0;

	while (strcmp(r->offer.images[first].path, r->offer.images[i].path) != 0)
		first++;
	return first;
}

/* True if no file has the path, and no image before @i will get it. */
static bool is_free(const struct receiver *r, size_t i, const char *path)
{
	for (size_t other = 0; other < i; other++)
		if (!strcmp(r->image[other], path))
			return false;
	return access(path, F_OK) != 0;
}

/* Opens a new file of the store for an image. */
static void make_image(struct receiver *r, size_t i)
{
	const char *base = strrchr(r->offer.images[i].path, '/') + 1;
	const char *dot = strrchr(base, '.') ? strrchr(base, '.') : base + strlen(base);
	const char *path = format("%s/%s", image_dir(), base);

	make_dirs(image_dir());
	for (int n = 2; !is_free(r, i, path) && n < NAMES_TRIED; n++)
		path = format("%s/%.*s-%d%s", image_dir(), (int)(dot - base), base, n, dot);
	r->image[i] = path;
	r->apply.image[i] = output_open(path);
	r->apply.wanted |= 1ULL << i;
}

/* Finds each image on this host, or makes a file for it. */
static void choose_images(struct receiver *r)
{
	for (size_t i = 0; i < r->offer.nr_images; i++) {
		const size_t first = same_image(r, i);

		r->image[i] = first < i ? r->image[first] : offer_find_image(&r->offer, i);
		if (!r->image[i])
			make_image(r, i);
		conn_tick(&r->conn);
	}
}

/*
 * Sets an image's mtime, which layers over it compare, checks its content, and gives it its name.
 */
static void finish_image(struct receiver *r, size_t i)
{
	const struct state_image *im = &r->offer.images[i];
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)im->mtime, .tv_nsec = (long)im->mtime_ns } };
	int fd = r->apply.image[i];
	uint32_t sum;

	if (!file_sum(fd, im->size, NULL, &sum))
		die("%s: %s", r->image[i], strerror(errno));
	if (sum != r->offer.sums[i])
		die("%s: the image has changed on its way", r->image[i]);
	if (futimens(fd, times))
		die("%s: %s", r->image[i], strerror(errno));
	output_finish(fd, r->image[i], false);
	r->made[i] = true;
}

/* Receives the images that are missing. */
static void take_images(struct receiver *r)
{
	uint64_t wanted = r->apply.wanted;

	while (r->apply.wanted) {
		struct message m = conn_expect(&r->conn, MIG_FILE, 0);

		apply_file(&r->apply, &m);
	}
	for (size_t i = 0; i < r->offer.nr_images; i++)
		if (wanted >> i & 1)
			finish_image(r, i);
}

/* Removes the image files that this process has made. */
static void drop_images(struct receiver *r)
{
	for (size_t i = 0; i < MIG_IMAGES; i++)
		if (r->made[i])
			unlink(r->image[i]);
}

/* ---- checks of the offer ---- */

/*
 * Dies if the store of states lacks room for the state's files and the missing images. The store of
 * images is taken to be on the same file system. A file system that tells no room has enough.
 */
static void check_space(struct receiver *r)
{
	struct statvfs v;
	uint64_t want = r->offer.bytes;

	for (size_t i = 0; i < r->offer.nr_images; i++)
		if (r->apply.wanted >> i & 1)
			want += r->offer.images[i].size;
	if (!fstatvfs(r->folder.fd, &v) && (uint64_t)v.f_bavail * v.f_frsize < want)
		die("%s: it needs %llu MiB, and %s has %llu", r->offer.umid,
			(unsigned long long)want >> 20, state_store(),
			(unsigned long long)(v.f_bavail * v.f_frsize) >> 20);
}

/* Receives the offer, checks it and answers with MIG_ACCEPT. */
static void take_offer(struct receiver *r)
{
	struct message m = conn_expect(&r->conn, MIG_OFFER, 1);
	struct state s = { 0 };

	r->offer = offer_parse(&m);
	if (!r->name)
		r->name = r->offer.umid;
	start_check_name(r->name);
	s.name = r->offer.umid;
	s.kernel = r->offer.kernel;
	s.build = r->offer.build;
	r->kernel = start_kernel_of(&s, r->wanted_kernel);
	offer_check_cpu(&r->offer);
	r->folder = state_begin_unnamed();
	r->apply.conn = &r->conn;
	r->apply.dirfd = r->folder.fd;
	choose_images(r);
	conn_watch_signals();
	check_space(r);
	conn_send(&r->conn, MIG_ACCEPT, &r->apply.wanted, sizeof(r->apply.wanted), NULL, 0);
}

/* ---- the state ---- */

/* Writes the state.json of a message to the folder. */
static void write_json(struct receiver *r, const struct message *m)
{
	int fd = openat(r->folder.fd, STATE_JSON,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		die(STATE_JSON ": %s", strerror(errno));
	write_all(fd, m->data, m->length, STATE_JSON);
	close(fd);
}

/*
 * Replaces the source's paths of images by those on this host. Returns further parameters for
 * read-only disks.
 */
static const char **place_images(struct receiver *r)
{
	const char **extra = xalloc((PARAMS_MOST + 1) * sizeof(*extra));
	struct state *s = &r->state;
	size_t n = 0;

	for (size_t i = 0; i < r->offer.nr_images; i++) {
		const char *from = r->offer.images[i].path, *to = r->image[i];

		if (!strcmp(from, to) || same_image(r, i) < i)
			continue;
		for (int d = 0; d < STATE_DISKS; d++)
			if (s->disks[d].backing && !strcmp(s->disks[d].backing, from))
				s->disks[d].backing = to;
		for (const char **p = s->params; *p && n < PARAMS_MOST; p++) {
			const char *value = strchr(*p, '=');

			if (!strncmp(*p, "ubd", 3) && value && !strcmp(value + 1, from))
				extra[n++] = format(
					"%.*s=%s", (int)(value - *p), *p, without_commas(to));
		}
	}
	return extra;
}

static void tick(void *arg)
{
	conn_tick(arg);
}

/* Calls conn_tick(). Does not die if the source has gone, since the instance runs without it. */
static void tick_whatever(void *arg)
{
	attempt(conn_tick, arg);
}

/* Starts the kernel, which then waits for the files of the last round. */
static void prepare(struct receiver *r)
{
	int pair[2];

	r->state = (struct state){
		.name = r->offer.umid, .folder = r->folder.made, .fd = r->folder.fd
	};
	state_read(&r->state);
	/* the source is trusted like this user, as the command's help says */
	r->state.trusted = true;
	if (strcmp(r->state.build, r->offer.build) != 0)
		die("%s: its build is not that of the offer", r->offer.umid);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %s", strerror(errno));
	fcntl(pair[1], F_SETFD, 0);
	r->channel = pair[0];
	r->start = (struct start){ .state = &r->state,
		.name = r->name,
		.nets = r->nets,
		.hold = pair[1],
		.extra = place_images(r),
		.tick = tick,
		.tick_arg = &r->conn,
		.pidfd = -1 };
	start_begin(&r->start, r->kernel);
	r->begun = true;
	if (!start_await_held(&r->start, r->channel, START_WAITS))
		die("%s", r->start.error);
}

/* Receives rounds, and starts the kernel when state.json arrives. */
static void take_rounds(struct receiver *r)
{
	for (;;) {
		struct message m = conn_receive(&r->conn);

		if (m.type == MIG_FILE) {
			apply_file(&r->apply, &m);
		} else if (m.type == MIG_KEEP) {
			apply_keep(&r->apply, &m);
		} else if (m.type == MIG_ROUND && m.length == sizeof(uint64_t)) {
			conn_send(&r->conn, MIG_ROUND, m.data, m.length, NULL, 0);
			conn_flush(&r->conn);
			apply_round(&r->apply);
		} else if (m.type == MIG_STATE && !r->begun) {
			write_json(r, &m);
			prepare(r);
			conn_send(&r->conn, MIG_READY, NULL, 0, NULL, 0);
			conn_flush(&r->conn);
		} else if (m.type == MIG_LAST && r->begun) {
			return;
		} else {
			die("%s: it does not keep to the protocol (%u in a round)", r->conn.peer,
				m.type);
		}
		progress_count(r->offer.umid, 1, r->apply.bytes);
	}
}

/* Makes the kernel read the files. */
static void load(struct receiver *r)
{
	if (send(r->channel, "s", 1, MSG_NOSIGNAL) == 1)
		start_await_held(&r->start, r->channel, START_READY);
	else
		r->start.error = format("%s: its kernel has ended", r->name);
	if (r->start.error)
		die("%s", r->start.error);
}

/* Makes the instance continue. No other function of the receiver does so. */
static void run(struct receiver *r)
{
	conn_hold_signals(true);
	r->start.tick = tick_whatever;
	if (send(r->channel, "g", 1, MSG_NOSIGNAL) != 1 || !start_await(&r->start))
		die("%s", r->start.error ? r->start.error :
					   format("%s: its kernel has ended", r->name));
}

/* Receives the instance until it runs. Called by attempt(), as is say_runs(). */
static void receive_all(void *arg)
{
	struct receiver *r = arg;

	conn_watch_signals();
	conn_begin(&r->conn, r->timeout_ms);
	take_offer(r);
	take_images(r);
	take_rounds(r);
	load(r);
	conn_send(&r->conn, MIG_READY, NULL, 0, NULL, 0);
	conn_expect(&r->conn, MIG_COMMIT, 0);
	run(r);
}

/*
 * Undoes everything. Reports the failure to the source only if the instance certainly does not run
 * here.
 */
static void __attribute__((noreturn)) give_up(struct receiver *r, const char *why)
{
	bool undone = true;

	progress_end();
	if (r->channel >= 0)
		close(r->channel);
	if (r->begun)
		undone = start_undo(&r->start);
	if (undone) {
		conn_refuse(&r->conn, why);
		drop_images(r);
	}
	conn_end(&r->conn);
	state_drop();
	die("%s", why);
}

static void say_runs(void *arg)
{
	struct receiver *r = arg;

	conn_send(&r->conn, MIG_RUNS, r->name, strlen(r->name), NULL, 0);
	conn_flush(&r->conn);
}

static void print(const struct receiver *r, bool json)
{
	if (!json) {
		puts(r->name);
		return;
	}
	json_open(NULL, '{');
	json_text("name", r->name);
	json_number("pid", r->start.kernel);
	json_close('}');
}

enum { KEY_NAME = 256, KEY_NET, KEY_TIMEOUT };

static int receive(int argc, char **argv)
{
	struct receiver r = { .channel = -1, .timeout_ms = 30000 };
	const char *why, *address;
	bool json = false;

	for (int key; (key = next_option(&cmd_receive, argc, argv));)
		switch (key) {
		case KEY_NAME: r.name = optarg; break;
		case KEY_NET: start_add_net(&r.nets, optarg); break;
		case KEY_TIMEOUT: r.timeout_ms = migrate_seconds(optarg); break;
		case 'k': r.wanted_kernel = optarg; break;
		default: json = true;
		}
	address = take_words(&cmd_receive, argc, argv, 1, 1)[0];
	if (r.name)
		start_check_name(r.name);
	r.conn = conn_from(address);
	why = attempt(receive_all, &r);
	if (why)
		give_up(&r, why);
	why = attempt(say_runs, &r);
	if (why)
		warn("%s runs, but the source could not be told: %s", r.name, why);
	progress_end();
	state_drop();
	conn_end(&r.conn);
	print(&r, json);
	return 0;
}

static const struct option_row options[] = {
	{ KEY_NAME, "name", "NEW", "the instance's name here (that of the source)" },
	{ KEY_NET, "net", "[ethN=]KIND", START_NET_HELP },
	{ 'k', "kernel", "FILE", "the kernel, as for restore" },
	{ KEY_TIMEOUT, "timeout", "SECONDS", "give up if the source is silent for so long (30)" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_receive = {
	.name = "receive",
	.args = "tcp:[HOST:]PORT|unix:PATH|-",
	.help = "Takes an instance that nestctl migrate sends, and runs it.",
	.text = "One connection is taken: at the address HOST of this host (127.0.0.1), at a "
		"socket "
		"of the file system, or on standard input and output, as ssh gives it. Whoever "
		"can connect can run programs as this user, and nothing is encrypted: over a "
		"network use ssh.\n\nThe build of the kernel, the CPU, the name and the room in "
		"the "
		"store are checked before memory is sent. Images of disks that are not here with "
		"the same content, size and time are sent too, and stay in the store of images. "
		"If anything fails the instance goes on at its source, and nothing is left "
		"here.\n\n\tnestctl receive --name web2 unix:/run/user/1000/mig",
	.options = options,
	.run = receive,
};
