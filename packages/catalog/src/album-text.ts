/** The text that goes with an exported album: title, description, chapters, and where its parts come from. Pure. */

export interface AlbumStory {
  title: string;
  description: string;
  chapters: readonly { orderIndex: number; title: string; startSeconds: number; durationSeconds: number }[];
  tracks: readonly {
    orderIndex: number;
    durationSeconds: number;
    provider: string;
    providerTrackId: string | null;
    licenseDocumentUrl: string | null;
  }[];
  stills: readonly { orderIndex: number | null; provider: string; providerImageId: string | null }[];
}

export function albumText({ title, description, chapters, tracks, stills }: AlbumStory): string {
  const titles = new Map(chapters.map((chapter) => [chapter.orderIndex, chapter.title]));
  const shown = chapters.length > 0 ? chapters : fromTracks(tracks);
  const long = shown.some((chapter) => chapter.startSeconds >= 3_600);
  const lines = [
    title,
    '',
    ...(description.trim() === '' ? [] : [description.trim(), '']),
    'Chapters',
    ...shown.map((chapter) => `${clock(chapter.startSeconds, long)} ${chapter.title}`),
    '',
    'Licences',
    ...tracks.map(
      (track) =>
        `Track ${track.orderIndex}${titles.has(track.orderIndex) ? ` (${titles.get(track.orderIndex)})` : ''}: ${origin(track.provider, track.providerTrackId)}${
          track.licenseDocumentUrl ? `, licence ${track.licenseDocumentUrl}` : ''
        }`,
    ),
    ...stills.map((still) => `Picture ${still.orderIndex}: ${origin(still.provider, still.providerImageId)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function fromTracks(tracks: AlbumStory['tracks']): AlbumStory['chapters'] {
  let startSeconds = 0;
  return tracks.map(({ orderIndex, durationSeconds }) => {
    const chapter = { orderIndex, title: `Track ${orderIndex}`, startSeconds, durationSeconds };
    startSeconds += durationSeconds;
    return chapter;
  });
}

const origin = (provider: string, remoteId: string | null): string =>
  provider === 'dummy'
    ? 'made by the built-in provider, no licence needed'
    : `${provider}${remoteId ? ` ${remoteId}` : ''}`;

/** `0:00`, `12:05`, `1:02:03`: as video sites read chapters; the second a chapter has begun in. */
function clock(seconds: number, long: boolean): string {
  const whole = Math.floor(seconds + 1e-6);
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return long ? `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
