/** `reelfleet enqueue ingest FILE|URL`: a video from a file of this machine, which is uploaded first, or from an address. */
import { UserError } from '@reelfleet/core';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, commaList } from '../cli.ts';
import { ordersFrom } from '../orders-file.ts';
import { place } from '../place-orders.ts';
import type { Runner } from '../program.ts';
import { type Common, common, inherited } from './enqueue-common.ts';

export interface IngestOptions extends Common {
  title?: string;
  identifier?: string;
  category?: string;
  tags?: string[];
  qualities?: number[];
  codec?: string;
  language?: string;
  /** False with --no-transcription. */
  transcription?: boolean;
}

export function registerIngest(enqueue: Command, cli: Cli, run: Runner): void {
  common(
    sourceOptions(
      enqueue
        .command('ingest')
        .description('order a video from a file, which is uploaded first, or from an address')
        .argument('[source]', 'a file of this machine, or an http(s) address'),
    ).option('--no-transcription', 'do not write down what is said in it'),
  ).action(
    run(async (source: string | undefined, options: IngestOptions, command: Command) => {
      const { from, json, transcription, ...rest } = { ...options, ...inherited(command) };
      const given = { ...rest, ...(transcription === false ? { transcribe: false } : {}) };
      if (from === undefined) {
        if (source === undefined) throw wrong('the source is missing: name a file, or an http(s) address');
        return place(cli, [{ kind: 'ingest', ...sourceOf(source), ...given }], { json });
      }
      if (source !== undefined)
        throw wrong(`${source} and --from are two places to take orders from: give one of them`);
      return place(cli, await ordersFrom(from, { kind: 'ingest', ...given }), { json, bulk: true });
    }),
  );
}

/** What is said of a video that comes in. */
export const sourceOptions = (command: Command): Command =>
  command
    .option('--title <text>', 'title of the video; the name of the file otherwise')
    .option('--identifier <name>', 'what the video is called in addresses; made of the title otherwise')
    .option('--category <category>', 'slug, name or id of its category')
    .option('--tags <a,b>', 'tags, separated by commas; new ones are made', commaList)
    .option('--qualities <1080,720>', 'heights of its stream; all that the source is large enough for', heights)
    .option('--codec <codec>', 'h264, hevc or av1')
    .option('--language <code>', "what is spoken in it (en); the speech provider's guess otherwise");

/** What begins like an address is one; the catalog says which addresses are taken. */
export const sourceOf = (source: string): { url: string } | { file: string } =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? { url: source } : { file: source };

function heights(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim().replace(/p$/i, ''));
  if (parts.some((part) => !/^\d{1,5}$/.test(part)))
    throw new InvalidArgumentError(`got "${text}", takes heights separated by commas, as in 1080,720`);
  return parts.map(Number);
}

const wrong = (sentence: string) => new UserError(sentence, { exitCode: 2 });
