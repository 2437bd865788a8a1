/* SPDX-License-Identifier: MIT */
/*
 * completion.c: `nestctl completion bash|zsh` prints the shell's completion script. The scripts
 * contain the table; they ask for names of images and instances when needed (`nestctl image list
 * --names`, `nestctl list --names`).
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

/*
 * Returns how a value is completed, a word of the shell functions below: "file", "dir", "image",
 * "umid", "state", "none", or "=a b c". The first word in capitals, without brackets, decides.
 */
static const char *kind_of(const char *arg, size_t len)
{
	static const struct {
		const char *word, *kind;
	} kinds[] = {
		{ "FILE", "file" },
		{ "PATH", "file" },
		{ "OUT", "file" },
		{ "NEW", "file" },
		{ "B", "file" },
		{ "DIR", "dir" },
		{ "HOSTDIR", "dir" },
		{ "IMAGE", "image" },
		{ "UMID", "umid" },
		{ "TAG", "state" },
		{ "COMMAND", "command" },
		{ "ARCHIVE", "file" },
	};

	while (len && (*arg == '[' || *arg == '-')) {
		arg++;
		len--;
	}
	size_t word = 0;

	while (word < len && (isalnum((unsigned char)arg[word]) || arg[word] == '|'))
		word++;
	if (memchr(arg, '|', word) && islower((unsigned char)*arg)) {
		char *words = format("=%.*s", (int)word, arg);

		for (char *p = words; *p; p++)
			if (*p == '|')
				*p = ' ';
		return words;
	}
	if (isupper((unsigned char)*arg) && memchr(arg, '|', word))
		word = (size_t)((const char *)memchr(arg, '|', word) - arg);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].word) == word && !strncmp(arg, kinds[i].word, word))
			return kinds[i].kind;
	return "none";
}

/* Prints the kinds of the words behind the options, of "image file ...". The last one repeats. */
static void print_words(const char *args)
{
	bool first = true;

	while (args && *args) {
		size_t n = strcspn(args, " ");

		if (strncmp(args, "[--", 3)) {
			printf("%s%s", first ? "" : ";", kind_of(args, n));
			first = false;
		} else if (args[3] == ' ' || args[3] == '\0') {
			printf("%scommand", first ? "" : ";");
			return;
		}
		args += n;
		args += strspn(args, " ");
	}
	if (first)
		printf("none");
}

/* true for zsh's associative arrays */
static bool zsh;

static void print_key(const char *a, const char *b, const char *c)
{
	printf(zsh ? "\t'%s%s%s' " : "\t['%s%s%s']=", a, b, c);
}

/* Prints the commands and options that may follow each command. */
static void print_rows(const struct command *const *table)
{
	for (; *table; table++) {
		const struct command *c = *table;

		if (c->hidden)
			continue;
		print_key(c->name, "", "");
		putchar('\'');
		for (const struct command *const *s = c->sub; s && *s; s++)
			if (!(*s)->hidden)
				printf("%s ", command_verb(*s));
		printf("--help");
		for (const struct option_row *o = c->options; o && (o->key || o->name); o++) {
			if (!o->help)
				continue;
			if (o->name)
				printf(" --%s", o->name);
			if (o->key < 256)
				printf(" -%c", o->key);
		}
		puts("'");
		if (c->sub)
			print_rows(c->sub);
	}
}

/*
 * Prints the kinds of values and words: "COMMAND OPTION" and "COMMAND", with semicolons between
 * kinds.
 */
static void print_values(const struct command *const *table)
{
	for (; *table; table++) {
		const struct command *c = *table;

		if (c->hidden)
			continue;
		for (const struct option_row *o = c->options; o && (o->key || o->name); o++) {
			if (!o->help || !o->arg || value_is_optional(o))
				continue;
			const char *kind = kind_of(o->arg, strlen(o->arg));

			if (o->name)
				print_key(c->name, " --", o->name);
			if (o->name)
				printf("'%s'\n", kind);
			if (o->key < 256)
				print_key(c->name, " -", (const char[]){ (char)o->key, 0 });
			if (o->key < 256)
				printf("'%s'\n", kind);
		}
		if (!c->sub) {
			print_key(c->name, "", "");
			putchar('\'');
			print_words(c->args);
			puts("'");
		} else {
			print_values(c->sub);
		}
	}
}

/*
 * Shared by both shells: two tables, and a function that walks over the words before the one to
 * complete.
 */
static const char walk[] =
	"# Sets what: words to choose from; or kind: what the shell or nestctl knows.\n"
	"_nestctl_walk() { # WORD...: those before the one to complete\n"
	"\tlocal w cmd= value= key n=0\n"
	"\twhat= kind=none\n"
	"\tfor w; do\n"
	"\t\tif [[ -n $value ]]; then value=; continue; fi\n"
	"\t\tif [[ $w == -- ]]; then kind=command; return; fi\n"
	"\t\tkey=\"$cmd $w\"\n"
	"\t\tif [[ $w == -* ]]; then\n"
	"\t\t\tif [[ $w != *=* && -n ${_nestctl_values[$key]-} ]]; then value=$key; fi\n"
	"\t\telif key=\"${cmd:+$cmd }$w\" && [[ -n ${_nestctl_words[$key]-} && $n -eq 0 ]]; then\n"
	"\t\t\tcmd=$key\n"
	"\t\telse\n"
	"\t\t\tn=$((n + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ -n $value ]]; then kind=${_nestctl_values[$value]}; return; fi\n"
	"\tif [[ -z $cmd ]]; then what=$_nestctl_top; return; fi\n"
	"\twhat=${_nestctl_words[$cmd]}\n"
	"\tlocal kinds=${_nestctl_values[$cmd]-}\n"
	"\twhile [[ $n -gt 0 && $kinds == *';'* ]]; do kinds=${kinds#*;} n=$((n - 1)); done\n"
	"\tkind=${kinds%%;*}\n"
	"}\n"
	"_nestctl_names() { # KIND\n"
	"\tcase $1 in\n"
	"\timage) nestctl image list --names 2>/dev/null ;;\n"
	"\tumid) nestctl list --names 2>/dev/null ;;\n"
	"\tstate) nestctl states --names 2>/dev/null ;;\n"
	"\t'='*) printf '%s\\n' \"${1#=}\" ;;\n"
	"\tesac\n"
	"}\n";

static const char bash_end[] =
	"_nestctl() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} what kind\n"
	"\t_nestctl_walk \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ $cur == -* || -z $kind ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$what\" -- \"$cur\"))\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\tnone) COMPREPLY=($(compgen -W \"$what\" -- \"$cur\")) ;;\n"
	"\tfile) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	"\tdir) compopt -o filenames -o nospace; COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
	"\tcommand) COMPREPLY=($(compgen -c -- \"$cur\")) ;;\n"
	"\t*) COMPREPLY=($(compgen -W \"$(_nestctl_names \"$kind\")\" -- \"$cur\"))\n"
	"\t\tif [[ $kind == image && $cur == */* ]]; then\n"
	"\t\t\tcompopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))\n"
	"\t\tfi ;;\n"
	"\tesac\n"
	"}\n"
	"complete -F _nestctl nestctl\n";

static const char zsh_end[] =
	"_nestctl() {\n"
	"\tlocal what kind cur=${words[CURRENT]}\n"
	"\tlocal -a before\n"
	"\tbefore=(\"${(@)words[2,CURRENT-1]}\")\n"
	"\t_nestctl_walk \"${before[@]}\"\n"
	"\tif [[ $cur == -* || -z $kind ]]; then compadd -- ${=what}; return; fi\n"
	"\tcase $kind in\n"
	"\tnone) compadd -- ${=what} ;;\n"
	"\tfile) _files ;;\n"
	"\tdir) _files -/ ;;\n"
	"\tcommand) _command_names ;;\n"
	"\t*) compadd -- ${=\"$(_nestctl_names \"$kind\")\"}\n"
	"\t\tif [[ $kind == image && $cur == */* ]]; then _files; fi ;;\n"
	"\tesac\n"
	"}\n"
	"compdef _nestctl nestctl\n";

static int completion(int argc, char **argv)
{
	while (next_option(&cmd_completion, argc, argv))
		;
	const char *shell = take_words(&cmd_completion, argc, argv, 1, 1)[0];
	zsh = !strcmp(shell, "zsh");

	if (!zsh && strcmp(shell, "bash"))
		die("completion: for bash and zsh, not for '%s'", shell);
	if (zsh)
		puts("#compdef nestctl");
	puts("# nestctl's completion; made by `nestctl completion`.");
	puts(zsh ? "typeset -gA _nestctl_words _nestctl_values" :
		   "declare -gA _nestctl_words _nestctl_values");
	puts("_nestctl_words=(");
	print_rows(commands);
	puts(")\n_nestctl_values=(");
	print_values(commands);
	printf(")\n_nestctl_top='--help --version help");
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden)
			printf(" %s", (*c)->name);
	printf("'\n%s%s", walk, zsh ? zsh_end : bash_end);
	return 0;
}

const struct command cmd_completion = {
	.name = "completion",
	.args = "bash|zsh",
	.help = "Prints the completion of nestctl's commands, options, images and instances for a "
		"shell.",
	.text = "For bash, in ~/.bashrc:\n\n\tsource <(nestctl completion bash)\n\nFor zsh, in "
		"~/.zshrc behind compinit:\n\n\tsource <(nestctl completion zsh)",
	.run = completion,
};
