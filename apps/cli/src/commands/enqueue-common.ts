/** What every order on the command line has in common. */
import type { Command } from 'commander';
import { wholeNumber } from '../cli.ts';

export interface Common {
  key?: string;
  priority?: number;
  from?: string;
  json?: boolean;
}

export function common(command: Command): Command {
  return command
    .option('--key <key>', 'the same key again answers with the first run')
    .option('--priority <n>', 'higher goes first', wholeNumber(-32_768, 32_767))
    .option(
      '--from <file>',
      'one order per line of a JSON lines file, completed by the options given here; - reads standard input',
    )
    .option('--json', 'print {"runId", "created"}, with --from an array of them');
}

/** `--from` and `--json` are options of `enqueue` too, which takes them when they stand before the word `album`. */
export function inherited(command: Command): Pick<Common, 'from' | 'json'> {
  const { from, json } = command.parent?.opts<Common>() ?? {};
  return { ...(from === undefined ? {} : { from }), ...(json === undefined ? {} : { json }) };
}
