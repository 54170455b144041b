/** Which page answers which address. */
import { html } from 'lit-html';
import type { Host, Page } from '../page.ts';
import { empty } from '../parts/marks.ts';
import { type Route, to } from '../router.ts';
import { runPage } from './run.ts';
import { runsPage } from './runs.ts';
import { taskPage } from './task.ts';
import { videoPage } from './video.ts';
import { videosPage } from './videos.ts';
import { workersPage } from './workers.ts';

export function openPage(route: Route, host: Host): Page {
  switch (route.page) {
    case 'runs':
      return runsPage(route, host);
    case 'run':
      return runPage(route, host);
    case 'task':
      return taskPage(route, host);
    case 'videos':
      return videosPage(host);
    case 'video':
      return videoPage(route, host);
    case 'workers':
      return workersPage(host);
    case 'unknown':
      return {
        title: () => 'Not here',
        view: () =>
          empty('There is no such page', html`“${route.path}” leads nowhere. <a href=${to.runs()}>All runs</a>`),
        close: () => {},
      };
    default:
      return route satisfies never;
  }
}
