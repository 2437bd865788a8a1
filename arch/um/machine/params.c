/* SPDX-License-Identifier: MIT */
/*
 * params.c: the command line.
 *
 * Every file declares its own parameters with PARAM() or PARAM_DEV() (arch.h); the linker gathers
 * them. params_parse() looks up each argument and calls the setters before the rest of the kernel
 * is set up: a setter has no memory allocator, and no output except refuse(). A setter may keep a
 * pointer to its value, except after a restore (params_again()). --help, --version and --jail print
 * to standard output and end the process.
 *
 * Unknown arguments go to init, as on Linux: NAME=VALUE into its environment, other words (and all
 * words behind "--") into its arguments. After the word "strict", unknown arguments are refused. An
 * unknown option ("--word") is always refused.
 *
 * The prefix of PARAM_DEV() matches if a digit or '=' follows it ("eth0=", "eth="). The driver then
 * refuses numbers that it does not have. A prefix that ends in '*' ("ubd*") matches all words that
 * begin with the text before the '*', whatever follows. So the driver sees a misspelt parameter and
 * refuses it, and init does not get it.
 *
 * Invariants: arg_text holds a copy of every argument of the boot (Law 2: no pointer to libc's
 * memory).
 */
#include <asm/errno.h>
#include "arch/um/internal.h"
#include "gen/build_id.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define MAX_TEXT 16384

extern const struct boot_param __start_boot_params[], __stop_boot_params[];

const char *boot_command_line;
const char *boot_init_args[BOOT_MAX_INIT + 1], *boot_init_env[BOOT_MAX_INIT + 1];

static char arg_text[MAX_TEXT], line_text[MAX_TEXT];
static size_t arg_used;

static bool strict;

static int set_strict(const char *value)
{
	strict = true;
	return 0;
}
PARAM("strict", set_strict, "refuse unknown parameters instead of passing them to init");

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns the text behind the prefix if @arg is this parameter, else NULL. */
static const char *match(const struct boot_param *p, const char *arg)
{
	size_t n = strlen(p->prefix);

	if (n && p->prefix[n - 1] == '*')
		return strncmp(arg, p->prefix, n - 1) ? NULL : arg + n - 1;
	if (strncmp(arg, p->prefix, n))
		return NULL;
	if (p->device)
		return is_digit(arg[n]) || arg[n] == '=' ? arg + n : NULL;
	return n && p->prefix[n - 1] != '=' && arg[n] ? NULL : arg + n;
}

static bool set_known(const char *arg)
{
	for (const struct boot_param *p = __start_boot_params; p != __stop_boot_params; p++) {
		const char *value = match(p, arg);
		int err;

		if (!value)
			continue;
		err = p->set(value);
		if (err)
			refuse("%s: %s", arg, os_strerror(err));
		return true;
	}
	return false;
}

static void hand_on(const char **list, const char *arg)
{
	int n = 0;

	while (n < BOOT_MAX_INIT && list[n])
		n++;
	if (n == BOOT_MAX_INIT)
		refuse("%s: more than %d arguments for init", arg, BOOT_MAX_INIT);
	list[n] = arg;
}

/*
 * Passes NAME=VALUE on to init, in place of an earlier variable of that name. Drops a name with a
 * dot: it is a module's parameter, which init must not see.
 */
static void hand_on_env(const char *arg)
{
	size_t n = (size_t)(strchr(arg, '=') - arg) + 1;
	const char *dot = strchr(arg, '.');

	if (dot && dot < arg + n)
		return;
	for (int i = 0; boot_init_env[i]; i++) {
		if (!strncmp(boot_init_env[i], arg, n)) {
			boot_init_env[i] = arg;
			return;
		}
	}
	hand_on(boot_init_env, arg);
}

static void append_line(const char *arg)
{
	size_t used = strlen(line_text);

	snprintf(line_text + used, sizeof(line_text) - used, "%s%s", used ? " " : "", arg);
}

static const char *keep(const char *arg)
{
	size_t n = strlen(arg) + 1;
	char *copy = arg_text + arg_used;

	if (n > sizeof(arg_text) - arg_used)
		refuse("the command line is longer than %d bytes", MAX_TEXT);
	memcpy(copy, arg, n);
	arg_used += n;
	append_line(copy);
	return copy;
}

static void print(const char *text)
{
	int err = os_write_stdout(text, strlen(text));

	if (err)
		refuse("standard output: %s", arch_strerror(err));
}

static void print_help(void)
{
	char line[PARAM_HELP_MAX + 40];

	print("usage: nestling [PARAMETER...]\n"
	      "A Linux guest kernel that runs as an ordinary process. Unknown parameters go to "
	      "init.\n\n");
	for (const struct boot_param *p = __start_boot_params; p != __stop_boot_params; p++) {
		if (!p->help)
			continue;
		scnprintf(line, sizeof(line), "  %s%-*s %s\n", p->prefix,
			(int)(16 - min(strlen(p->prefix), 16UL)), p->device ? "N=" : "", p->help);
		print(line);
	}
	print("  --help           this text\n  --version        version and build\n"
	      "  --jail           the host's calls that a running kernel needs\n");
	os_exit(0);
}

static void print_jail(void)
{
	char line[200];

	for (u32 i = 0; os_jail_line(i, line, sizeof(line)); i++)
		print(line);
	os_exit(0);
}

static void print_version(void)
{
	print("nestling 6.12.0-nestling " NESTLING_VERSION " " NESTLING_MODE "\n");
	os_exit(0);
}

void params_parse(int argc, char **argv)
{
	bool for_init = false;

	hand_on(boot_init_env, "HOME=/");
	hand_on(boot_init_env, "TERM=linux");
	boot_command_line = line_text;
	for (int i = 1; i < argc; i++) {
		const char *arg = keep(argv[i]);

		if (for_init)
			hand_on(boot_init_args, arg);
		else if (!strcmp(arg, "--"))
			for_init = true;
		else if (!strcmp(arg, "--help"))
			print_help();
		else if (!strcmp(arg, "--version"))
			print_version();
		else if (!strcmp(arg, "--jail"))
			print_jail();
		else if (set_known(arg) || !*arg)
			continue;
		else if (!strncmp(arg, "--", 2))
			refuse("%s: no such option; see nestling --help", arg);
		else if (strict)
			refuse("%s: no such parameter; see nestling --help", arg);
		else if (strchr(arg, '='))
			hand_on_env(arg);
		else if (!strchr(arg, '.')) /* a dot: a module's parameter */
			hand_on(boot_init_args, arg);
	}
}

/* Puts @arg into /proc/cmdline, replacing a word that sets the same parameter. */
static void replace_in_line(const char *arg)
{
	static char old[MAX_TEXT];
	size_t n = strcspn(arg, "=") + 1;
	char *rest = old, *word;
	bool found = false;

	strscpy(old, line_text, sizeof(old));
	line_text[0] = 0;
	while ((word = strsep(&rest, " "))) {
		bool is_it = !found && !strncmp(word, arg, n);

		append_line(is_it ? arg : word);
		found = found || is_it;
	}
	if (!found)
		append_line(arg);
}

/*
 * Parses the parameters of a restore. The guest's /proc/cmdline stays as its boot set it, unless
 * the guest is to look newly booted (@fresh).
 *
 * The setters of these parameters copy the value: the text is not kept, since an instance may be
 * restored any number of times.
 */
void params_again(int argc, char **argv, bool fresh)
{
	static char word[MAX_TEXT];

	for (int i = 0; i < argc; i++) {
		if (strscpy(word, argv[i], sizeof(word)) < 0)
			refuse("a parameter is longer than %d bytes", MAX_TEXT - 1);
		if (!set_known(word))
			refuse("%s: no such parameter", word);
		if (fresh)
			replace_in_line(word);
	}
}
