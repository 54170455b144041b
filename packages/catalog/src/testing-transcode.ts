/** For tests: what the stages of a transcode would have answered, of a film of two chunks in two qualities, with sound. */
import { randomUUID } from 'node:crypto';
import type { ArtifactKind, ArtifactRef } from '@reelfleet/core';
import type { ChunkInput, ChunkOutput, StreamPlan } from '@reelfleet/pipelines';

type Put = (name: string, kind: ArtifactKind, contentType: string) => Promise<ArtifactRef>;

const digest = '0'.repeat(64);
const ends = { from: null, to: null, widerFrom: null, widerTo: null, seeks: [null] };
const range = { frames: 360, segments: 2 };
const none = { primaries: null, transfer: null, space: null, range: null };

async function setOf(put: Put, folder: string, seconds: number) {
  const header = await put(`${folder}/init.mp4`, 'rendition', 'video/mp4');
  const media = await put(`${folder}/00000.m4s`, 'rendition', 'video/mp4');
  const member = ({ sha256, sizeBytes }: ArtifactRef, name: string) => ({ name, sha256, sizeBytes });
  return {
    ...header,
    id: randomUUID(),
    uri: header.uri.slice(0, header.uri.lastIndexOf('/')),
    segments: [member(header, 'init.mp4'), { ...member(media, '00000.m4s'), seconds }],
  };
}

// biome-ignore lint/suspicious/noExplicitAny: each has passed its stage's contract.
export async function madeTranscode(stage: string, input: any, put: Put): Promise<unknown> {
  switch (stage) {
    case 'transcode': {
      const rendition = (quality: string, width: number, height: number) => ({
        ...{ quality, width, height, maxKbits: 1_000, bufferKbit: 2_000, progressId: randomUUID() },
      });
      return {
        source: input.source,
        name: input.name ?? 'film',
        codec: 'h264',
        bits: 8,
        picture: { index: 0, timeBase: { num: 1, den: 30 }, dynamicRange: 'sdr', fieldOrder: null, color: none },
        origin: 0,
        grid: { rate: { num: 30, den: 1 }, frames: 720, kind: 'constant', why: 'it is' },
        renditions: [rendition('720p', 1280, 720), rendition('360p', 640, 360)],
        segments: 4,
        durationSeconds: 24,
        startSeconds: 0,
        skipped: [{ quality: '1080p', progressId: randomUUID() }],
        chunks: [0, 1].map((index) => ({
          ...{ index, startFrame: index * 360, firstSegment: index * 2, ...range },
          source: { frames: 360, digest, ...ends },
        })),
        sound: [{ index: 1, sampleRate: 48_000, name: 'Sound', language: null, isDefault: true, soundSeconds: 24 }],
      } satisfies StreamPlan;
    }
    case 'transcode-chunk': {
      const { chunk, renditions } = input as ChunkInput;
      const parts: ChunkOutput['renditions'] = [];
      for (const { quality, progressId } of renditions) {
        const set = await setOf(put, quality, 12);
        parts.push({
          ...{ quality, progressId, codecs: 'avc1.640028', set, frames: [180, 180], keys: digest, percent: 50 },
        });
      }
      const { index, startFrame, frames } = chunk;
      const startedAt = '2026-11-21T20:00:00.000Z';
      return { index, startFrame, frames, decoded: 360, encoder: 'libx264', renditions: parts, startedAt };
    }
    case 'transcode-audio': {
      const set = await setOf(put, 'sound-1', 24);
      const about = { name: 'Sound', language: null, isDefault: true, channels: 2, sampleRate: 48_000 };
      return { tracks: [{ ...about, samples: 1_152_000, codecs: 'mp4a.40.2', set }] };
    }
    case 'transcode-manifest': {
      const playlist = (name: string) => put(name, 'manifest', 'application/vnd.apple.mpegurl');
      const renditions = [];
      for (const { quality, progressId, width, height } of (input.plan as StreamPlan).renditions)
        renditions.push({
          ...{ quality, progressId, width, height, bitrate: 900, codecs: 'avc1.640028' },
          playlist: await playlist(`${quality}.m3u8`),
        });
      return {
        renditions,
        sound: [{ name: 'Sound', language: null, playlist: await playlist('sound-1.m3u8') }],
        master: await playlist('master.m3u8'),
        ...{ durationSeconds: 24, frames: 720, segments: 4, frameRate: 30 },
      };
    }
    default:
      throw new Error(`the tests' worker does not know stage ${stage}`);
  }
}
