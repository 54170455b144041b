/** `reelfleet demo`: everything on this machine and one album, watched while it is made. */
import { join } from 'node:path';
import type { AlbumOrder } from '@reelfleet/catalog';
import { openTools, probe } from '@reelfleet/media';
import type { Cli } from '../cli.ts';
import type { Register } from '../program.ts';
import { status } from '../ui/colour.ts';
import { bytes, clock, count, duration, plain, sentence } from '../ui/format.ts';
import type { Session, UpOptions } from '../up/session.ts';
import { facts } from './show.ts';
import { upOptions } from './up.ts';
import { nodesOf } from './watch.ts';

const CHANNEL = { channel: 'Demo', niche: 'lofi study beats on a rainy evening', moods: ['calm', 'warm', 'nostalgic'] };
const PREVIEW = { tracks: 4, seconds: 20 };
const FULL_MINUTES = 60;
/** Nodes whose tasks together make as much media as the album is long. */
const MAKES_MEDIA = new Set(['music', 'image', 'render']);

interface DemoOptions extends UpOptions {
  full?: boolean;
  exit?: boolean;
}

export const register: Register = (program, cli, run) => {
  upOptions(
    program
      .command('demo')
      .description('up, and one album: watch it being made')
      .option('--full', `the real thing: ${FULL_MINUTES} minutes, 20 tracks, 20 stills`)
      .option('--exit', 'drain and exit when it is made, by its outcome'),
  ).action(
    run(async (options: DemoOptions) => {
      const { inSession } = await import('../up/session.ts');
      return inSession(cli, options, async (session) => {
        const ok = await makeAlbum(cli, session, options.full ?? false);
        if (!options.exit && cli.out.isTTY && !session.signal.aborted) {
          cli.out.line(
            cli.out.paint('dim', 'all of it stays: order more with "reelfleet enqueue album", or end with Ctrl-C'),
          );
          await untilAborted(session.signal);
        }
        return ok ? 0 : 1;
      });
    }),
  );
};

/** Order, follow, export and describe one album; false when it did not complete. */
async function makeAlbum(cli: Cli, { fleet, signal }: Session, full: boolean): Promise<boolean> {
  const { out } = cli;
  const [{ openFleet }, { followRun, runEnded }] = await Promise.all([
    import('../open-fleet.ts'),
    import('../follow.ts'),
  ]);
  const opened = await openFleet(fleet.settings);
  const { operator } = opened;
  try {
    const order: AlbumOrder = full ? { ...CHANNEL, minutes: FULL_MINUTES } : { ...CHANNEL, preview: true, ...PREVIEW };
    const seconds = full ? FULL_MINUTES * 60 : PREVIEW.tracks * PREVIEW.seconds;
    const began = performance.now();
    const [placed] = await operator.enqueue([{ kind: 'album', ...order }]);
    if (!placed) return false;
    out.line();
    out.line(`an album of ${count(full ? 20 : PREVIEW.tracks, 'track')}, ${duration(seconds)}: ${CHANNEL.niche}`);
    const details = await followRun({
      operator,
      out,
      runId: placed.runId,
      nodesOf,
      signal,
      mediaSecondsOf: (node) => (MAKES_MEDIA.has(node) ? seconds : null),
    });
    const { run } = details;
    out.line();
    if (!runEnded(run)) {
      out.line('stopped before the album was made: "reelfleet up" goes on with it');
      return false;
    }
    if (run.status !== 'completed') {
      const why = run.errorMessage ? `: ${run.errorStage ?? ''} ${sentence(run.errorMessage)}` : '';
      out.line(`the album is ${status(out.paint, run.status)}${why}`);
      return false;
    }
    const took = (performance.now() - began) / 1000;
    const files = await operator.export(run.id, join(fleet.settings.REELFLEET_DATA, 'export'));
    const video = files.find((file) => file.endsWith('.mp4'));
    const seen = video ? await probe(openTools({ threads: 1 }), video, { trust: 'own' }) : null;
    const [picture] = seen?.video ?? [];
    const [sound] = seen?.audio ?? [];
    const fps = picture?.fps ? `${+(picture.fps.num / picture.fps.den).toFixed(2)} fps` : '';
    facts(out, [
      ['made in', `${duration(took)}, ${(seconds / took).toFixed(1)} × real time`],
      ['video', video],
      ['player', run.videoId && `${fleet.origin}/#/videos/${run.videoId}`],
      ['length', seen && clock(seen.durationSeconds ?? 0)],
      ['picture', picture && `${picture.width} × ${picture.height}, ${fps}, ${picture.codec}`],
      ['sound', sound && `${sound.codec}, ${sound.sampleRate / 1000} kHz, ${count(sound.channels, 'channel')}`],
      ['size', seen && bytes(seen.sizeBytes)],
      ['chapters', seen && String(seen.chapters.length)],
      ['beside it', 'its picture (.jpg) and its text for publishing (.txt)'],
    ]);
    for (const chapter of seen?.chapters ?? []) {
      out.line(`  ${out.paint('dim', clock(chapter.startSeconds).padStart(7))}  ${plain(chapter.title)}`);
    }
    return true;
  } finally {
    await opened.close();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
