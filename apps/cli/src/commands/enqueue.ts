/**
 * `reelfleet enqueue album|stage|ingest|moments|clips|full`, one order from options or many from a file. The catalog checks each order before
 * anything is written; what is checked here is only how it was typed.
 */
import { UserError } from '@reelfleet/core';
import type { Command } from 'commander';
import { commaList, wholeNumber } from '../cli.ts';
import { jsonArgument, ordersFrom } from '../orders-file.ts';
import { place } from '../place-orders.ts';
import type { Register } from '../program.ts';
import { type Common, common, inherited } from './enqueue-common.ts';
import { registerIngest } from './enqueue-ingest.ts';
import { registerMoments } from './enqueue-moments.ts';

interface AlbumOptions extends Common {
  channel?: string;
  niche?: string;
  mood?: string[];
  minutes?: number;
  persona?: string;
  title?: string;
  preview?: boolean;
  tracks?: number;
  seconds?: number;
  size?: string;
  seed?: number;
}

interface StageOptions extends Common {
  input?: string;
  video?: string;
}

const wrong = (sentence: string) => new UserError(sentence, { exitCode: 2 });

export const register: Register = (program, cli, run) => {
  const enqueue = program
    .command('enqueue')
    .description('order work: one run from options, or many from a file of JSON lines')
    .option(
      '--from <file>',
      'orders as JSON lines, each with its "kind" (album, stage, ingest, moments, clips, full); - reads standard input',
    )
    .option('--json', 'print JSON')
    .action(
      run(async ({ from, json }: Common) => {
        if (from === undefined)
          throw wrong(
            '"reelfleet enqueue" takes what to order: album, ingest, full, moments, clips, stage, or --from FILE',
          );
        await place(cli, await ordersFrom(from, {}), { json, bulk: true });
      }),
    );

  common(
    enqueue
      .command('album')
      .description('order an album: tracks and stills made into one long video')
      .option('--channel <name>', 'id or name of the channel; a new name makes a channel')
      .option('--niche <text>', 'what the channel is about; needed for a new channel')
      .option('--mood <a, b>', 'moods, separated by commas', commaList)
      .option('--minutes <n>', 'length of the album, 60 to 90', wholeNumber(1, 90))
      .option('--persona <name>', 'id or name of a persona')
      .option('--title <text>', 'title of the video; made up otherwise')
      .option('--preview', 'a short one: lifts the limits on minutes and tracks')
      .option('--tracks <n>', 'how many tracks a preview has', wholeNumber(1, 200))
      .option('--seconds <n>', "target length of each of a preview's tracks", wholeNumber(1, 3600))
      .option('--size <WxH>', "size of a preview's picture, for example 640x360")
      .option('--seed <n>', 'chooses the variation of the built-in providers', wholeNumber(0, 2_147_483_647)),
  ).action(
    run(async (options: AlbumOptions, command: Command) => {
      const { from, json, mood, ...rest } = { ...options, ...inherited(command) };
      const given = { ...rest, ...(mood === undefined ? {} : { moods: mood }) };
      if (from !== undefined)
        return place(cli, await ordersFrom(from, { kind: 'album', ...given }), { json, bulk: true });
      if (given.channel === undefined) throw wrong('--channel is missing: name the channel that orders the album');
      if (given.moods === undefined)
        throw wrong('--mood is missing: give at least one, for example --mood "calm, warm"');
      await place(cli, [{ kind: 'album', ...given, channel: given.channel, moods: given.moods }], { json });
    }),
  );

  common(
    enqueue
      .command('stage')
      .description('order one stage by itself')
      .argument('<name>', cli.stages.join(', '))
      .option('--input <json>', "the stage's input as JSON, or @FILE")
      .option('--video <video>', 'id or identifier of the video it belongs to'),
  ).action(
    run(async (stage: string, options: StageOptions, command: Command) => {
      const { from, json, input, ...rest } = { ...options, ...inherited(command) };
      if (from !== undefined)
        return place(cli, await ordersFrom(from, { kind: 'stage', stage, ...rest }), { json, bulk: true });
      if (input === undefined) throw wrong("--input is missing: give the stage's input as JSON, or @FILE");
      await place(cli, [{ kind: 'stage', stage, input: jsonArgument('--input', input), ...rest }], { json });
    }),
  );

  registerIngest(enqueue, cli, run);
  registerMoments(enqueue, cli, run);
};
