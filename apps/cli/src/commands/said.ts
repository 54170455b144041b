/** `reelfleet moments ls VIDEO` and `reelfleet search "words"`: what was found in videos, and where something is said. */
import type { MomentRow, SearchHit } from '@reelfleet/catalog';
import { wholeNumber } from '../cli.ts';
import type { Register } from '../program.ts';
import { clock, count, plain } from '../ui/format.ts';

export const register: Register = (program, cli, run) => {
  const { out } = cli;

  program
    .command('moments')
    .description('what is worth showing in a video')
    .command('ls')
    .description('list the moments of a video, with their clips')
    .argument('<video>', 'id or identifier')
    .option('--json', 'print a JSON array')
    .action(
      run(async (ref: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const rows = await operator.videos.moments(ref);
          if (json) return out.json(rows);
          if (rows.length === 0) return out.note(`no moments yet: "reelfleet enqueue moments ${ref}" finds them`);
          out.table<MomentRow>(rows, [
            { title: 'MOMENT', value: (row) => row.identifier },
            { title: 'START', value: (row) => clock(row.startSeconds), align: 'right' },
            { title: 'END', value: (row) => clock(row.endSeconds), align: 'right' },
            { title: 'SCORE', value: (row) => (row.score === null ? '' : String(row.score)), align: 'right' },
            { title: 'TITLE', value: (row) => row.title, flexible: true },
            { title: 'REFINED', value: (row) => (row.isRefined ? `of ${row.parent ?? 'one that is gone'}` : '') },
            { title: 'CLIP', value: (row) => row.clip?.uri ?? '', flexible: true },
          ]);
        });
      }),
    );

  program
    .command('search')
    .description('videos in which something is said, best first, with the places')
    .argument('<words>', 'all of them are to be said; "in this order", this OR that, but -without')
    .option('--limit <n>', 'how many videos', wholeNumber(1, 50), 10)
    .option('--json', 'print JSON')
    .action(
      run(async (words: string, { limit, json }: { limit: number; json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const found = await operator.search(words, { limit });
          if (json) return out.json(found);
          if (found.videos.length === 0) return out.note('nobody says that in any transcript');
          for (const { identifier, title, hits, places } of found.videos) {
            out.line(`${out.paint('bold', plain(title))}  ${out.paint('dim', identifier)}`);
            for (const hit of hits) out.line(`  ${clock(hit.startSeconds).padStart(7)}  ${marked(hit)}`);
            if (places > hits.length)
              out.line(out.paint('dim', `           and ${count(places - hits.length, 'place')} more`));
          }
          const all = `${found.more ? 'more than ' : ''}${count(found.total, 'video')}`;
          out.note(
            found.more
              ? `${all} match, of which the newest were ranked: more words find the others`
              : `${all} match${found.total === 1 ? 'es' : ''}`,
          );
        });
      }),
    );

  const marked = ({ parts }: SearchHit): string =>
    parts.map(({ text, hit }) => (hit ? out.paint('bold', spaced(text)) : spaced(text))).join('');
};

/** One line without control characters, the blanks between the parts kept. */
const spaced = (text: string): string =>
  `${/^\s/.test(text) ? ' ' : ''}${plain(text)}${/\s$/.test(text) && text.trim() !== '' ? ' ' : ''}`;
