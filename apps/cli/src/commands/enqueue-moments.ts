/**
 * `reelfleet enqueue moments|clips VIDEO` of a video that is here, and `reelfleet enqueue full VIDEO|FILE|URL`, which does
 * everything: a file is uploaded first.
 */
import { statSync } from 'node:fs';
import { UserError } from '@reelfleet/core';
import type { Command } from 'commander';
import { aNumber, type Cli, commaList, wholeNumber } from '../cli.ts';
import { ordersFrom } from '../orders-file.ts';
import { type PlacedOrder, place } from '../place-orders.ts';
import type { Runner } from '../program.ts';
import { type Common, common, inherited } from './enqueue-common.ts';
import { type IngestOptions, sourceOf, sourceOptions } from './enqueue-ingest.ts';

interface ClipsOptions extends Common {
  moments?: string[];
  replace?: boolean;
}

export function registerMoments(enqueue: Command, cli: Cli, run: Runner): void {
  common(
    wishOptions(
      enqueue
        .command('moments')
        .description('find the moments of a video in what is said, score them, and cut a clip of each')
        .argument('[video]', 'id or identifier of a video that has a transcript'),
    ),
  ).action(
    run(async (video: string | undefined, options: Wish, command: Command) => {
      const { from, json, ...given } = { ...wishOf(options), ...inherited(command) };
      if (from !== undefined) return placeAll(cli, from, video, { kind: 'moments', ...given }, json);
      await placeOf(cli, 'moments', video, (here) => ({ kind: 'moments', video: here, ...given }), json);
    }),
  );

  common(
    paddings(
      enqueue
        .command('clips')
        .description('cut clips of moments that were found before')
        .argument('[video]', 'id or identifier')
        .option('--moments <a,b>', 'identifiers of its moments; all that have no clip by default', commaList)
        .option('--replace', 'cut anew what has a clip: the new one takes its place'),
    ),
  ).action(
    run(async (video: string | undefined, options: ClipsOptions, command: Command) => {
      const { from, json, ...given } = { ...options, ...inherited(command) };
      if (from !== undefined) return placeAll(cli, from, video, { kind: 'clips', ...given }, json);
      await placeOf(cli, 'clips', video, (here) => ({ kind: 'clips', video: here, ...given }), json);
    }),
  );

  common(
    wishOptions(
      sourceOptions(
        enqueue
          .command('full')
          .description('everything: bring a video in, write down what is said, find its moments and cut them')
          .argument('[source]', 'a file of this machine, an http(s) address, or a video that is here'),
      ),
    ),
  ).action(
    run(async (source: string | undefined, options: IngestOptions & Wish, command: Command) => {
      const { from, json, ...given } = { ...wishOf(options), ...inherited(command) };
      if (from !== undefined) return placeAll(cli, from, source, { kind: 'full', ...given }, json);
      if (source === undefined) throw wrong('the source is missing: name a file, an http(s) address, or a video');
      await place(cli, [{ kind: 'full', ...(await meant(cli, source)), ...given } as PlacedOrder], { json });
    }),
  );
}

interface Wish extends Common {
  prompt?: string;
  minLength?: number;
  maxLength?: number;
  minMoments?: number;
  maxMoments?: number;
  model?: string;
  temperature?: number;
  refine?: string;
  clips?: boolean;
  paddingLeft?: number;
  paddingRight?: number;
}

/** commander says `clips: true` where nobody said `--no-clips`; then a line of a file may still say it. */
function wishOf<O extends Wish>({ clips, ...rest }: O): Omit<O, 'clips'> & { clips?: false } {
  return { ...rest, ...(clips === false ? { clips } : {}) };
}

const wishOptions = (command: Command): Command =>
  paddings(
    command
      .option('--prompt <text>', 'what to look for, in your own words')
      .option('--min-length <seconds>', 'a moment lasts at least so long; 30 by default', aNumber(1, 3_600))
      .option('--max-length <seconds>', 'and at most so long; 90 by default', aNumber(1, 3_600))
      .option('--min-moments <n>', 'find at least so many; 3 by default', wholeNumber(1, 100))
      .option('--max-moments <n>', 'and at most so many; 10 by default', wholeNumber(1, 100))
      .option('--refine <text>', 'look at each again and better its bounds and title: how, in your own words')
      .option('--model <name>', 'the language model to ask; that of the settings by default')
      .option('--temperature <t>', 'how freely it answers, 0 to 2', aNumber(0, 2))
      .option('--no-clips', 'find the moments, and cut nothing'),
  );

const paddings = (command: Command): Command =>
  command
    .option('--padding-left <seconds>', 'a clip begins so long before its moment; 1 by default', aNumber(0, 120))
    .option('--padding-right <seconds>', 'and ends so long after it; 2 by default', aNumber(0, 120));

async function placeAll(
  cli: Cli,
  from: string,
  given: string | undefined,
  defaults: Partial<PlacedOrder> & Record<string, unknown>,
  json: boolean | undefined,
): Promise<void> {
  if (given !== undefined) throw wrong(`${given} and --from are two places to take orders from: give one of them`);
  await place(cli, await ordersFrom(from, defaults), { json, bulk: true });
}

/** An order of a video that is here. Who names a file is told which order takes one. */
async function placeOf(
  cli: Cli,
  kind: 'moments' | 'clips',
  video: string | undefined,
  orderOf: (video: string) => PlacedOrder,
  json: boolean | undefined,
): Promise<void> {
  if (video === undefined) throw wrong('the video is missing: give its id or identifier');
  const isPath = /[/\\]/.test(video);
  const aSource = () =>
    wrong(
      `${video} is ${video.includes('://') ? 'an address' : 'a file'}, and ${kind} takes a video that is here: "reelfleet enqueue full ${video}" brings it in and does it all`,
    );
  if (isPath && (video.includes('://') || isFile(video))) throw aSource();
  try {
    await place(cli, [orderOf(video)], { json });
  } catch (error) {
    if (error instanceof UserError && error.kind === 'missing' && isFile(video)) throw aSource();
    throw error;
  }
}

/** A path is a file; a bare word may also be a video, and is refused when it could be both. */
async function meant(cli: Cli, source: string): Promise<{ url: string } | { file: string } | { video: string }> {
  const outside = sourceOf(source);
  if ('url' in outside || /[/\\]/.test(source)) return outside;
  if (!isFile(source)) return { video: source };
  const isVideo = await cli.withFleet(async ({ operator }) => {
    try {
      await operator.videos.show(source);
      return true;
    } catch (error) {
      if (error instanceof UserError && error.kind === 'missing') return false;
      throw error;
    }
  });
  if (isVideo) throw wrong(`"${source}" is a file and a video: write ./${source} for the file, or the id of the video`);
  return outside;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
const wrong = (sentence: string) => new UserError(sentence, { exitCode: 2 });
