/** `reelfleet videos ls|show|edit|delete|restore|purge`. */
import { type VideoDetails, type VideoRow, type VideoTold, videoStatuses } from '@reelfleet/catalog';
import { UserError } from '@reelfleet/core';
import { commaList, oneOf, wholeNumber } from '../cli.ts';
import type { Register } from '../program.ts';
import { status } from '../ui/colour.ts';
import { ago, bytes, duration, localTime } from '../ui/format.ts';

interface Listed {
  category?: string;
  tag?: string;
  status?: string;
  deleted?: boolean;
  limit: number;
  json?: boolean;
}

interface Edited {
  title?: string;
  description?: string;
  category?: string | false;
  addTags?: string[];
  removeTags?: string[];
  at?: number;
  json?: boolean;
}

export const register: Register = (program, cli, run) => {
  const { out } = cli;
  const videos = program.command('videos').description('the library: what is in it, and what becomes of it');

  videos
    .command('ls')
    .description('list videos, newest first')
    .option('--category <category>', 'only those in it: slug, name or id')
    .option('--tag <tag>', 'only those that have it: slug, name or id')
    .option('--status <status>', `only those in this status: ${videoStatuses.join(', ')}`, oneOf(...videoStatuses))
    .option('--deleted', 'those that are deleted instead of those that are not')
    .option('--limit <n>', 'how many', wholeNumber(1, 10_000), 50)
    .option('--json', 'print a JSON array')
    .action(
      run(async ({ json, limit, ...filter }: Listed) => {
        await cli.withFleet(async ({ operator }) => {
          const rows: VideoRow[] = [];
          for (let cursor: string | undefined; rows.length < limit; ) {
            const page = await operator.videos.ls({ ...filter, limit: Math.min(limit - rows.length, PAGE), cursor });
            rows.push(...page.videos);
            if (page.next === null) break;
            cursor = page.next;
          }
          if (json) return out.json(rows);
          if (rows.length === 0) return out.note(filter.deleted ? 'no video is deleted' : 'no such videos');
          const now = Date.now();
          out.table(rows, [
            { title: 'VIDEO', value: (row) => row.identifier },
            { title: 'TITLE', value: (row) => row.title, flexible: true },
            {
              title: 'STATUS',
              value: (row) => row.status,
              paint: (text, row) => text.replace(row.status, status(out.paint, row.status)),
            },
            { title: 'CATEGORY', value: (row) => row.category ?? '' },
            { title: 'TAGS', value: (row) => row.tags.join(' '), flexible: true },
            {
              title: 'LENGTH',
              value: (row) => (row.durationSeconds === null ? '' : duration(row.durationSeconds)),
              align: 'right',
            },
            { title: filter.deleted ? 'DELETED' : 'CREATED', value: (row) => ago(row.deletedAt ?? row.createdAt, now) },
          ]);
        });
      }),
    );

  videos
    .command('show')
    .description('a video, its files and what was done to it')
    .argument('<video>', 'id or identifier')
    .option('--deleted', 'one that is deleted')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { deleted, json }: { deleted?: boolean; json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const details = await operator.videos.show(ref, { deleted });
          if (json) return out.json(details);
          for (const [label, value] of facts(details)) if (value) out.line(`${`${label}:`.padEnd(13)} ${value}`);
          for (const one of details.runs)
            out.line(`${'run:'.padEnd(13)} ${one.identifier} ${one.status} ${localTime(one.createdAt)}`);
        });
      }),
    );

  videos
    .command('edit')
    .description('change what a video is called and filed under')
    .argument('<video>', 'id or identifier')
    .option('--title <text>', 'its new title')
    .option('--description <text>', 'its new description')
    .option('--category <category>', 'slug, name or id of its new category')
    .option('--no-category', 'take it out of its category')
    .option('--add-tags <tags>', 'comma separated; new ones are made', commaList)
    .option('--remove-tags <tags>', 'comma separated', commaList)
    .option('--at <version>', 'only if the video is still at this version', wholeNumber(1, 2_147_483_647))
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json, at, category, ...rest }: Edited) => {
        const change = {
          ...rest,
          ...(category === undefined ? {} : { category: category === false ? null : category }),
        };
        if (Object.keys(change).length === 0)
          throw new UserError(
            'nothing to change: give --title, --description, --category, --no-category, --add-tags or --remove-tags',
            { exitCode: 2 },
          );
        await cli.withFleet(async ({ operator }) => {
          const edited = await operator.videos.edit(ref, change, at);
          if (json) out.json(edited);
          else out.line(`video ${edited.video} is at version ${edited.stateVersion}`);
        });
      }),
    );

  const order =
    (verb: 'delete' | 'restore' | 'purge', said: (told: VideoTold) => string) =>
    async (ref: string, { json }: { json?: boolean }) => {
      await cli.withFleet(async ({ operator }) => {
        const told = await operator.videos[verb](ref);
        if (json) return out.json(told);
        out.line(said(told));
        out.note(`reelfleet watch ${told.runId}`);
      });
    };
  videos
    .command('delete')
    .description('hide a video at once, cancel its work and move its files to the archive; restore brings it back')
    .argument('<video>', 'id or identifier')
    .option('--json', 'print JSON')
    .action(
      run(
        order('delete', ({ video, cancelled, asked }) => {
          const stopped =
            cancelled + asked > 0 ? `; of its work ${cancelled} tasks were cancelled, ${asked} told to stop` : '';
          return `video ${video} is deleted, its files go to the archive${stopped}`;
        }),
      ),
    );
  videos
    .command('restore')
    .description('bring a deleted video back')
    .argument('<video>', 'id or identifier')
    .option('--json', 'print JSON')
    .action(run(order('restore', ({ video }) => `video ${video} comes back when all of its files are there`)));
  videos
    .command('purge')
    .description('remove a deleted video and its files for good')
    .argument('<video>', 'id or identifier')
    .option('--yes', 'yes, for good: this cannot be undone')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
        if (!yes)
          throw new UserError(`purging ${ref} removes its files and the video for good: add --yes if that is meant`, {
            exitCode: 2,
          });
        await order('purge', ({ video }) => `video ${video} is being removed`)(ref, json ? { json } : {});
      }),
    );
};

const PAGE = 200;

function facts({ video, streamUrl }: VideoDetails): [string, string | null][] {
  const size = video.width === null || video.height === null ? null : `${video.width}×${video.height}`;
  return [
    ['video', `${video.identifier} (${video.id})`],
    ['title', video.title],
    ['status', `${video.status}, ${video.reviewStatus}, version ${video.stateVersion}`],
    ['deleted', video.deletedAt && localTime(video.deletedAt)],
    ['category', video.category],
    ['tags', video.tags.join(', ')],
    ['length', video.durationSeconds === null ? null : duration(video.durationSeconds)],
    [
      'picture',
      [size, video.frameRate && `${Math.round(video.frameRate * 1000) / 1000} fps`, video.videoCodec]
        .filter(Boolean)
        .join(', '),
    ],
    ['sound', video.audioCodec],
    ['size', video.sizeBytes === null ? null : bytes(video.sizeBytes)],
    ['file', video.uri],
    ['stream', streamUrl],
    ['created', localTime(video.createdAt)],
  ];
}
