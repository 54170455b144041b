/** For tests of what is watched: a small real stream, made by ffmpeg, stored and registered as a transcode does it. */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from '@reelfleet/db';
import { layOutSprites, spritesVtt } from '@reelfleet/media';
import { makeVideo, store } from '../api/testing.ts';
import type { TestServer } from '../testing.ts';

export const STREAM_SECONDS = 24;
export const RUNGS = [
  { quality: '360p', width: 640, height: 360, kbits: 700 },
  { quality: '180p', width: 320, height: 180, kbits: 200 },
] as const;

const PLAYLIST = 'application/vnd.apple.mpegurl';
type Server = Pick<TestServer, 'db' | 'storage' | 'folder'>;

/** A set of files below one folder, with its one row. */
export async function storeSet(
  server: Pick<TestServer, 'db' | 'storage'>,
  key: string,
  files: readonly { name: string; body: Buffer; seconds?: number }[],
  facts: { kind: string; contentType: string; videoId: string | null },
): Promise<void> {
  const segments = [];
  for (const { name, body, seconds } of files) {
    const { sha256, sizeBytes } = await server.storage.put(`${key}/${name}`, body, { contentType: facts.contentType });
    segments.push({ name, sha256, sizeBytes, ...(seconds === undefined ? {} : { seconds }) });
  }
  const row = {
    id: randomUUID(),
    kind: facts.kind,
    uri: server.storage.uriOf(key),
    sha256: createHash('sha256').update(JSON.stringify(segments)).digest('hex'),
    size_bytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    content_type: facts.contentType,
    video_id: facts.videoId,
    segments,
  };
  await server.db.query(
    `insert into artifacts (id, kind, uri, sha256, size_bytes, content_type, video_id, segments)
    select id, kind, uri, sha256, size_bytes, content_type, video_id, segments
    from jsonb_populate_record(null::artifacts, ${json(row).sql(1)})`,
    [json(row)],
  );
}

/** A moving picture with a tone, cut into two renditions and their sound; made once for a file of tests. */
function encode(folder: string): void {
  const source = `testsrc2=s=640x360:r=25:d=${STREAM_SECONDS}`;
  const scaled = RUNGS.map(({ width, height }, index) => `[v${index}]scale=${width}:${height}[o${index}]`).join(';');
  const hls = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true });
    const naming = ['-hls_fmp4_init_filename', 'init.mp4', '-hls_segment_filename', join(folder, name, '%03d.m4s')];
    const form = ['-f', 'hls', '-hls_time', '4', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4'];
    return [...form, ...naming, join(folder, name, 'list.m3u8')];
  };
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', source, '-f', 'lavfi', '-i', `sine=frequency=330:d=${STREAM_SECONDS}`],
    ...['-filter_complex', `[0:v]split=2[v0][v1];${scaled}`],
    ...RUNGS.flatMap(({ quality, kbits }, index) => [
      ...['-map', `[o${index}]`, '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-b:v', `${kbits}k`],
      ...['-g', '50', '-keyint_min', '50', '-sc_threshold', '0', ...hls(quality)],
    ]),
    ...['-map', '1:a', '-c:a', 'aac', '-b:a', '96k', ...hls('audio')],
  ]);
}

/** What stands beside a stream. */
export interface Beside {
  captions?: boolean;
  sprites?: boolean;
  /** A second sound to choose. */
  sounds?: boolean;
}

/**
 * A video with a stream: its segments under `…/transcode/chunk/000/1/<quality>/`, its playlists under
 * `…/transcode/manifest/1/`, named by relative addresses, as the stages store them.
 */
export async function makeStream(server: Server, title: string, { captions, sprites, sounds }: Beside = {}) {
  const folder = join(server.folder, 'encoded-stream');
  try {
    readdirSync(folder);
  } catch {
    encode(folder);
  }
  const { id, identifier } = await makeVideo(server, { title });
  const root = `runs/${randomUUID()}`;
  const names = [...RUNGS.map(({ quality }) => quality), 'audio'];
  for (const name of names) {
    const key = `${root}/transcode/chunk/000/1/${name}`;
    const files = readdirSync(join(folder, name)).filter((file) => /\.(mp4|m4s)$/.test(file));
    const members = files.map((file) => ({ name: file, body: readFileSync(join(folder, name, file)) }));
    const contentType = name === 'audio' ? 'audio/mp4' : 'video/mp4';
    await storeSet(server, key, members, { kind: 'rendition', contentType, videoId: id });
    const list = readFileSync(join(folder, name, 'list.m3u8'), 'utf8')
      .replace('URI="init.mp4"', `URI="../../chunk/000/1/${name}/init.mp4"`)
      .replace(/^(\d+\.m4s)$/gm, `../../chunk/000/1/${name}/$1`);
    const facts = { contentType: PLAYLIST, kind: 'manifest', videoId: id };
    await store(server, `${root}/transcode/manifest/1/${name}.m3u8`, list, facts);
    if (name === 'audio') await store(server, `${root}/transcode/manifest/1/audio-2.m3u8`, list, facts);
  }
  const master = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",URI="audio.m3u8"',
    ...(sounds ? ['#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Commentary",CHANNELS="1",URI="audio-2.m3u8"'] : []),
    ...RUNGS.flatMap(({ quality, width, height, kbits }) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${(kbits + 150) * 1000},RESOLUTION=${width}x${height},CODECS="avc1.42c01e,mp4a.40.2",AUDIO="audio",FRAME-RATE=25.000`,
      `${quality}.m3u8`,
    ]),
  ];
  const manifest = `${root}/transcode/manifest/1`;
  await store(server, `${manifest}/master.m3u8`, `${master.join('\n')}\n`, {
    contentType: PLAYLIST,
    kind: 'manifest',
    videoId: id,
  });
  for (const { quality, width, height, kbits } of RUNGS)
    await server.db.query(
      `insert into video_qualities (video_id, quality, width, height, bitrate) values ('${id}', '${quality}', ${width}, ${height}, ${kbits})`,
    );
  for (const status of ['processing', 'ready'])
    await server.db.query(
      `update videos set duration_seconds = ${STREAM_SECONDS}, status = '${status}' where id = '${id}'`,
    );
  if (captions) await addCaptions(server, id, root);
  if (sprites) await addSprites(server, id, root);
  return { id, identifier, root, manifest };
}

async function addCaptions(server: Server, videoId: string, root: string): Promise<void> {
  const cues = Array.from({ length: 12 }, (_, n) => {
    const at = (seconds: number) => `00:00:${String(seconds).padStart(2, '0')}.000`;
    return `${at(n * 2)} --> ${at(n * 2 + 2)}\nIt is second ${n * 2} now`;
  });
  const { uri } = await store(server, `${root}/transcription/1/captions.vtt`, `WEBVTT\n\n${cues.join('\n\n')}\n`, {
    contentType: 'text/vtt; charset=utf-8',
    kind: 'captions',
    videoId,
  });
  await server.db.query(
    `insert into transcripts (video_id, full_text, word_timestamps, segment_timestamps, vtt_path)
    values ('${videoId}', 'now', '[]', '[]', '${uri}')`,
  );
}

async function addSprites(server: Server, videoId: string, root: string): Promise<void> {
  const layout = layOutSprites(STREAM_SECONDS, { width: 640, height: 360 });
  const { everySeconds, width, height, columns, rows } = layout;
  const sheet = execFileSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=640x360:r=25:d=${STREAM_SECONDS}`],
      ...['-vf', `fps=1/${everySeconds},scale=${width}:${height},tile=${columns}x${rows}`, '-frames:v', '1'],
      ...['-f', 'image2', '-c:v', 'mjpeg', '-'],
    ],
    { maxBuffer: 2 ** 24 },
  );
  const key = `${root}/thumbnail/1`;
  const facts = { kind: 'thumbnail', videoId };
  await storeSet(server, `${key}/sprites`, [{ name: 'sheet-001.jpg', body: sheet }], {
    ...facts,
    contentType: 'image/jpeg',
  });
  await store(server, `${key}/sprites.vtt`, spritesVtt(layout, 'sprites', STREAM_SECONDS), {
    ...facts,
    contentType: 'text/vtt; charset=utf-8',
  });
}
