/** What players say of playbacks, written down. The statements are in sql/38-audience.sql. */
import { v7 } from 'uuid';
import { bool, type Database, float8, text, uuid } from './client.ts';

export interface PlaybackWord {
  /** Seconds of the video that were played, each time they were. */
  watchedSeconds: number;
  /** The furthest that was seen, in seconds from the start. */
  positionSeconds: number;
  quality: string | null;
  ended: boolean;
}

/** A playback begins, of `viewer` (a browser's cookie; null: nobody in particular). False: there is no such video. */
export const startPlayback = (
  db: Database,
  playback: { token: string; videoId: string; viewer: string | null },
): Promise<boolean> =>
  db.call(
    'playback_start',
    uuid(v7()),
    text(playback.token),
    uuid(playback.videoId),
    uuid(v7()),
    text(playback.viewer),
  );

/** How far a playback has come. False: no playback has this token. */
export const beatPlayback = (db: Database, token: string, word: PlaybackWord): Promise<boolean> =>
  db.call(
    'playback_beat',
    text(token),
    float8(word.watchedSeconds),
    float8(word.positionSeconds),
    text(word.quality),
    bool(word.ended),
  );
