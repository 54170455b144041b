/**
 * The command line: which commands there are, how they are parsed, and how they end. Each command registers itself;
 * here are only the rules for all: 0 ok, 1 the work failed or what was named is not there or not reachable, 2 wrong
 * usage or settings; one sentence on stderr when something is wrong.
 */
import { nearest, version } from '@reelfleet/config';
import { describeFailure } from '@reelfleet/worker';
import { Command, CommanderError } from 'commander';
import { type Cli, openCli } from './cli.ts';
import { register as registerCatalog } from './commands/catalog.ts';
import { register as registerConfig } from './commands/config.ts';
import { register as registerControl } from './commands/control.ts';
import { register as registerDb } from './commands/db.ts';
import { register as registerDemo } from './commands/demo.ts';
import { register as registerDoctor } from './commands/doctor.ts';
import { register as registerEnqueue } from './commands/enqueue.ts';
import { register as registerExport } from './commands/export.ts';
import { register as registerFiles } from './commands/files.ts';
import { register as registerFiling } from './commands/filing.ts';
import { register as registerLs } from './commands/ls.ts';
import { register as registerMigrate } from './commands/migrate.ts';
import { register as registerSaid } from './commands/said.ts';
import { register as registerServer } from './commands/server.ts';
import { register as registerShow } from './commands/show.ts';
import { register as registerUp } from './commands/up.ts';
import { register as registerVideos } from './commands/videos.ts';
import { register as registerWatch } from './commands/watch.ts';
import { register as registerWorker } from './commands/worker.ts';
import { register as registerWorkers } from './commands/workers.ts';
import { openOutput } from './ui/output.ts';

/** What a command's action returns: its exit code, 0 by default. */
export type Action<Args extends unknown[]> = (...args: Args) => Promise<number | undefined> | Promise<void>;

/** Registers one verb (or family of verbs). `run` wraps an action so that its exit code becomes the command's. */
export type Register = (program: Command, cli: Cli, run: Runner) => void;
export type Runner = <Args extends unknown[]>(action: Action<Args>) => (...args: Args) => Promise<void>;

const commands: readonly Register[] = [
  registerUp,
  registerDemo,
  registerMigrate,
  registerDb,
  registerWorker,
  registerServer,
  registerEnqueue,
  registerWatch,
  registerLs,
  registerShow,
  registerControl,
  registerExport,
  registerWorkers,
  registerCatalog,
  registerVideos,
  registerSaid,
  registerFiling,
  registerDoctor,
  registerConfig,
  registerFiles,
];

/** Run one command line; returns the exit code and never throws. */
export async function runProgram(
  argv: readonly string[],
  cli: Cli = openCli(process.env, openOutput()),
): Promise<number> {
  let exitCode = 0;
  const run: Runner =
    (action) =>
    async (...args) => {
      exitCode = (await action(...args)) ?? 0;
    };
  const program = buildProgram(cli, run);
  if (argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0; // help and version
      cli.out.note(`reelfleet: ${usageSentence(error, argv, program)}`);
      return 2;
    }
    const failure = await describeFailure(error, cli.env.LOG_LEVEL);
    cli.out.note(failure.text);
    return failure.exitCode;
  }
}

export function buildProgram(cli: Cli, run: Runner): Command {
  const program = new Command('reelfleet')
    .description('A fleet of workers that makes and processes video, and loses nothing.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      '\nRUN and TASK take an id or, for runs, the identifier. Commands that print data take --json.\nExit codes: 0 ok, 1 failed or not there, 2 wrong usage or settings.',
    );
  for (const register of commands) register(program, cli, run);
  everyCommand(program, (command) => {
    command.exitOverride().showSuggestionAfterError(false);
    // Errors are told by runProgram, in one line; only help goes through commander.
    command.configureOutput({ writeErr: () => {}, writeOut: (text) => process.stdout.write(text) });
  });
  return program;
}

function everyCommand(command: Command, use: (command: Command) => void): void {
  use(command);
  for (const child of command.commands) everyCommand(child, use);
}

/** What commander found wrong, as one sentence with what to do. */
function usageSentence(error: CommanderError, argv: readonly string[], program: Command): string {
  const { command, path } = reached(program, argv);
  const help = `"${['reelfleet', ...path, '--help'].join(' ')}" shows how it goes`;
  const names = command.commands.flatMap((child) => [child.name(), ...child.aliases()]);
  if (error.code === 'commander.help') {
    return `${['reelfleet', ...path].join(' ')} takes a command: ${names.join(', ')}`;
  }
  const said = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const excess = error.code === 'commander.excessArguments' && names.length > 0;
  const word = (excess ? argv[path.length] : /'([^']*)'/.exec(said)?.[1]) ?? '';
  if (error.code === 'commander.unknownCommand' || excess) {
    const close = nearest(word, names);
    return `there is no command "${[...path, word].join(' ').trim()}"${close ? `; did you mean "${close}"?` : ''}; "reelfleet${path.map((part) => ` ${part}`).join('')} --help" lists all`;
  }
  if (error.code === 'commander.unknownOption') {
    const options = command.options.flatMap((option) => (option.long ? [option.long] : []));
    const close = nearest(word.replace(/=.*/s, ''), options);
    return `there is no option ${word}${close ? `; did you mean ${close}?` : ''}; ${help}`;
  }
  return `${said.replaceAll("'", '"')}; ${help}`;
}

/** The command that the words lead to, as far as they name one. */
function reached(program: Command, argv: readonly string[]): { command: Command; path: string[] } {
  let command = program;
  const path: string[] = [];
  for (const word of argv) {
    const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (!next) break;
    command = next;
    path.push(next.name());
  }
  return { command, path };
}
