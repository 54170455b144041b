/** What is said, over HTTP: transcripts, moments, clips with their bytes, and the search over all transcripts. */
import { z } from 'zod';
import { bytesOf } from './artifacts.ts';
import { coalesced } from './coalesce.ts';
import { type Noun, name, refusals } from './route.ts';
import { clip, moment, searchResult, transcript } from './said-schemas.ts';
import { ASK_AGAIN } from './send-object.ts';

const tags = ['moments'];
const params = z.strictObject({ video: name.describe('Id or identifier of a video') });
const LIMITS = 'takes a whole number from 1 to 50';

export const said: Noun = (api, context) => {
  const { operator } = context;
  const read = coalesced();

  api.get(
    '/api/videos/:video/transcript',
    {
      schema: {
        tags,
        operationId: 'videoTranscript',
        summary: 'What is said in a video',
        params,
        querystring: z.strictObject({
          words: z
            .enum(['true', 'false'])
            .transform((word) => word === 'true')
            .optional()
            .describe('With the times of every word'),
        }),
        response: { 200: transcript, ...refusals(400, 404) },
      },
    },
    ({ params, query }) => operator.videos.transcript(params.video, query),
  );

  api.get(
    '/api/videos/:video/moments',
    {
      schema: {
        tags,
        operationId: 'videoMoments',
        summary: 'The moments of a video, with their clips',
        params,
        response: { 200: z.object({ moments: z.array(moment) }), ...refusals(400, 404) },
      },
    },
    async ({ params }) => ({ moments: await operator.videos.moments(params.video) }),
  );

  api.get(
    '/api/videos/:video/clips',
    {
      schema: {
        tags,
        operationId: 'videoClips',
        summary: 'The clips of a video, in its order',
        params,
        response: { 200: z.object({ clips: z.array(clip) }), ...refusals(400, 404) },
      },
    },
    async ({ params }) => {
      const moments = await operator.videos.moments(params.video);
      return { clips: moments.flatMap(({ clip }) => (clip === null ? [] : [clip])) };
    },
  );

  for (const [which, operationId, summary] of [
    ['content', 'clipContent', 'The bytes of a clip'],
    ['thumbnail', 'clipThumbnail', 'The picture of a clip'],
  ] as const) {
    bytesOf(api, context, `/api/videos/:video/clips/:moment/${which}`, {
      tags,
      operationId,
      summary,
      params: params.extend({ moment: name.describe('Identifier or id of its moment') }),
      // A clip may be cut anew.
      cacheControl: ASK_AGAIN,
      find: ({ video, moment }) => operator.videos.clipFile(video, moment, which),
    });
  }

  api.get(
    '/api/search',
    {
      schema: {
        tags,
        operationId: 'search',
        summary: 'Videos in which something is said, with the places',
        description:
          'All words are to be said; `"in this order"`, this `OR` that, but `-without`. Words are found in all their forms (English).',
        querystring: z.strictObject({
          q: z.string().max(1_000).describe('The words'),
          limit: z
            .string()
            .regex(/^\d{1,2}$/, LIMITS)
            .transform(Number)
            .pipe(z.number(LIMITS).min(1, LIMITS).max(50, LIMITS))
            .optional()
            .describe('How many videos at most: 1 to 50, 10 by default'),
        }),
        response: { 200: searchResult, ...refusals(400, 422) },
      },
    },
    ({ query: { q, limit } }) => read(JSON.stringify([q, limit]), () => operator.search(q, { limit })),
  );
};
