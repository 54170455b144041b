/**
 * Everything from one command, with real speech and without a network: a voice speaks three topics over a film whose every frame
 * says its number; worker processes write down what they hear, find the moments and cut them.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { openTools } from '@reelfleet/media';
import { atTestEnd, speak, speechMissing, withSpeech } from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';
import { COUNT, countedFrames, counter } from '../packages/pipelines/src/testing-stream.ts';
import { albumFleet } from './support/album.ts';

const FPS = 25;
/** Between two topics nobody speaks for so long. */
const PAUSE = 1.5;
/** What is said, and words of it that are heard well. */
const TOPICS = [
  {
    text: 'The football team won the game. The team will play another game on Sunday. Every player wants the football team to win the game. The team will play on Sunday.',
    words: ['football', 'team', 'game', 'play', 'player', 'win', 'won', 'sunday'],
  },
  {
    text: 'The doctor works in the hospital. The hospital needs more medicine. The doctor gives medicine to children. The children leave the hospital with the doctor.',
    words: ['doctor', 'hospital', 'medicine', 'children', 'leave'],
  },
  {
    text: 'The government needs money. The president wants the government to raise taxes. Congress will vote on the taxes. The president says the vote is today.',
    words: ['government', 'money', 'president', 'taxes', 'congress', 'vote'],
  },
] as const;

interface Clip {
  title: string;
  start: number;
  end: number;
  from: number;
  until: number;
  left: number;
  right: number;
  uri: string;
}

describe.skipIf(speechMissing() !== null)(withSpeech('a talk of three topics'), () => {
  test('becomes a transcript, moments on its topics and clips to the frame by one command', {
    timeout: 120_000,
  }, async () => {
    const database = await migratedDatabase({ migrateQueue });
    atTestEnd(() => database.drop());
    const fleet = albumFleet(database.url);
    const tools = openTools({ threads: 2 });

    const voices = TOPICS.map((_topic, n) => join(fleet.folder, `topic-${n}.wav`));
    await Promise.all(TOPICS.map(({ text }, n) => speak(text, voices[n] as string)));
    const lengths = voices.map((path) =>
      Number(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path])),
    );
    // Where each topic is spoken.
    const topics = lengths.map((length, n) => {
      const start = lengths.slice(0, n).reduce((sum, before) => sum + before + PAUSE, 0);
      return { start, end: start + length };
    });
    const seconds = Math.ceil(topics.at(-1)?.end ?? 0) + 1;
    const film = join(fleet.folder, 'talk.mp4');
    await tools.ffmpeg([
      ...[
        '-y',
        '-f',
        'lavfi',
        '-i',
        counter('128x72', String(FPS), seconds * FPS),
        ...voices.flatMap((path) => ['-i', path]),
      ],
      ...[
        '-filter_complex',
        `${voices.map((_path, n) => `[${n + 1}]apad=pad_dur=${PAUSE}[s${n}]`).join(';')};${voices.map((_path, n) => `[s${n}]`).join('')}concat=n=${voices.length}:v=0:a=1,apad=whole_dur=${seconds}[sound]`,
      ],
      ...[
        '-map',
        '0:v',
        '-map',
        '[sound]',
        '-c:v',
        'libx264',
        '-preset',
        'veryfast',
        '-g',
        '50',
        '-c:a',
        'aac',
        '-shortest',
        film,
      ],
    ]);

    await Promise.all([
      fleet.startWorker({ SPEECH_PROVIDER: 'pocketsphinx' }),
      fleet.startWorker({ SPEECH_PROVIDER: 'pocketsphinx' }),
    ]);
    const said = await fleet.cli(
      'enqueue',
      'full',
      film,
      '--min-length',
      '5',
      '--max-length',
      '15',
      '--max-moments',
      '3',
      '--refine',
      'Be brief',
      '--json',
    );
    expect(said.code, said.stderr).toBe(0);
    const { runId, video } = JSON.parse(said.stdout) as { runId: string; video: string };
    expect(await fleet.ended(runId, 100_000)).toBe('completed');
    await fleet.expectWhole(runId);

    // What was heard.
    const [transcript] = await fleet.db.query<{
      words: { word: string; start: number; end: number }[];
      service: string;
      run: { moments: number; clips: number };
    }>(
      `select word_timestamps as words, transcription_service as service, (select json_build_object('moments', total_moments_generated, 'clips', total_clips_created)
        from pipeline_runs where id = '${runId}') as run from transcripts t join videos v on v.id = t.video_id where v.identifier = '${video}'`,
    );
    const heard = transcript?.words ?? [];
    expect(transcript?.service).toMatch(/pocketsphinx/);
    for (const [n, { start, end }] of topics.entries()) {
      const within = heard.filter((word) => word.start >= start - 0.5 && word.end <= end + 0.5);
      const wanted: readonly string[] = TOPICS[n]?.words ?? [];
      const known = within.filter(({ word }) => wanted.includes(word.toLowerCase()));
      expect(
        known.length,
        `of topic ${n + 1} was heard: ${within.map(({ word }) => word).join(' ')}`,
      ).toBeGreaterThanOrEqual(3);
    }

    // Its moments: each about one topic, and no topic without one.
    const listed = JSON.parse((await fleet.cli('moments', 'ls', video, '--json')).stdout) as {
      title: string;
      startSeconds: number;
      endSeconds: number;
      score: number | null;
      isRefined: boolean;
    }[];
    const roots = listed.filter(({ isRefined }) => !isRefined);
    const about = roots.map(({ startSeconds, endSeconds }) => {
      const shares = topics.map(
        ({ start, end }) =>
          Math.max(0, Math.min(end, endSeconds) - Math.max(start, startSeconds)) / (endSeconds - startSeconds),
      );
      return { topic: shares.indexOf(Math.max(...shares)), share: Math.max(...shares) };
    });
    expect(about.map(({ topic }) => topic).sort()).toEqual([0, 1, 2]);
    for (const { share } of about) expect(share).toBeGreaterThan(0.75);
    for (const { score } of roots) expect(score).not.toBeNull();
    // A refinement is no further moment.
    expect(transcript?.run).toEqual({ moments: 3, clips: 3 });

    // Its clips: exactly the frames whose time lies between where they say they begin and end.
    const clips = await fleet.db.query<Clip>(
      `select m.title, m.start_time as start, m.end_time as end, c.start_time as from, c.end_time as until, c.padding_left as left, c.padding_right as right, c.uri
       from clips c join moments m on m.id = c.moment_id join thumbnails t on t.clip_id = c.id order by c.start_time`,
    );
    expect(clips).toHaveLength(3);
    const source = frameHashes(film);
    for (const clip of clips) {
      expect(clip.from).toBeCloseTo(clip.start - clip.left, 6);
      expect(clip.until).toBeCloseTo(clip.end + clip.right, 6);
      // The frame in which it begins is shown whole.
      expect(clip.left).toBeLessThan(1 + 1 / FPS);
      expect(clip.right).toBeLessThan(2 + 1 / FPS);
      const path = fileURLToPath(clip.uri);
      const shown = Array.from({ length: seconds * FPS }, (_, n) => n).filter(
        (n) => n / FPS >= clip.from - 1e-6 && n / FPS < clip.until - 1e-6,
      );
      expect(await countedFrames(tools, path, fleet.folder)).toEqual(shown.map((n) => n % COUNT));
      // The middle was copied: those frames are the source's, bit by bit.
      const same = frameHashes(path).filter((hash, n) => hash === source[shown[n] as number]);
      expect(same.length / shown.length).toBeGreaterThan(0.5);
    }

    // And what was said is found, with its place.
    const search = await fleet.cli('search', 'football OR hospital', '--json');
    expect(JSON.parse(search.stdout).videos[0]).toMatchObject({ identifier: video });
    expect(fleet.ffmpegs()).toEqual([]);
  });
});

/** Of every picture as it is decoded. */
function frameHashes(path: string): string[] {
  const told = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', path, '-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'],
    {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  return told
    .split('\n')
    .flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.split(',').at(-1)?.trim() ?? '']));
}
