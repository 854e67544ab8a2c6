"""The style sheet of all report pages, for light and dark screens and for paper."""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #fbfbfa; --sheet: #ffffff; --ink: #1c2024; --soft: #5d6570; --rule: #e2e5e9; --track: #eceff2;
  --good: #1a7f4b; --bad: #c3372c; --warn: #fff3d6; --warn-ink: #6b4a00;
  --c0: #2f6fde; --c1: #d9772b; --c2: #2b9a66; --c3: #9254c8; --c4: #c8467f; --c5: #6b7683;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --sheet: #1b1f23; --ink: #e8eaed; --soft: #9aa3ad; --rule: #30363d; --track: #2a3037;
    --good: #3fb37c; --bad: #ef6a5f; --warn: #3b2f12; --warn-ink: #ffd98a;
    --c0: #6ea0ff; --c1: #f0a163; --c2: #5cc795; --c3: #bb8cec; --c4: #ee85b1; --c5: #98a4b1;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 24px 16px 64px; }
header { padding: 8px 4px 16px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 18px; margin: 0 0 12px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
section { background: var(--sheet); border: 1px solid var(--rule); border-radius: 10px; padding: 20px; margin: 16px 0; }
.lead { font-size: 20px; margin: 8px 0; }
.lead b { font-size: 28px; }
.lead.bad b { color: var(--bad); }
ul.warning { padding-left: 34px; }
.small { font-size: 12px; color: var(--soft); }
.warning { background: var(--warn); color: var(--warn-ink); border-radius: 8px; padding: 10px 14px; }
.pill { display: inline-block; border: 1px solid currentColor; border-radius: 99px; color: var(--soft); }
.pill { padding: 1px 12px; margin: 0 8px 6px 0; }
.pill.good { color: var(--good); }
.pill.bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0; font-size: 13px; min-width: 60%; }
th, td { text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: var(--track); border-radius: 8px; padding: 12px; overflow-x: auto; font-size: 12.5px; }
svg { display: block; width: 100%; height: auto; margin: 8px 0; }
svg text { fill: var(--ink); font-size: 13px; }
svg text.small { fill: var(--soft); font-size: 11.5px; }
svg text.box { fill: #fff; paint-order: stroke; stroke: rgb(0 0 0 / 35%); stroke-width: 2px; }
figure { margin: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); gap: 14px; }
.pictures img { width: 100%; display: block; border-radius: 6px; image-rendering: pixelated; }
.pictures figcaption { font-size: 12.5px; line-height: 1.3; margin-top: 4px; overflow-wrap: anywhere; }
.axis { margin: 14px 0 0; }
.track { fill: var(--track); }
.good { fill: var(--good); }
.bad { fill: var(--bad); }
.shade { fill: var(--track); opacity: 0.6; }
td:first-child { white-space: nowrap; }
.grid { stroke: var(--rule); stroke-width: 1; }
.limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 4; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.curve circle { stroke: none; }
.legend { font-size: 12px; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 18px; }
.legend i { display: inline-block; width: 14px; height: 4px; border-radius: 2px; }
.legend i { margin-right: 6px; vertical-align: middle; }
.c0.curve { stroke: var(--c0); } .c1.curve { stroke: var(--c1); } .c2.curve { stroke: var(--c2); }
.c3.curve { stroke: var(--c3); } .c4.curve { stroke: var(--c4); } .c5.curve { stroke: var(--c5); }
.c0.fill, .c0 circle { fill: var(--c0); } .c1.fill, .c1 circle { fill: var(--c1); }
.c2.fill, .c2 circle { fill: var(--c2); }
.c3.fill, .c3 circle { fill: var(--c3); } .c4.fill, .c4 circle { fill: var(--c4); }
.c5.fill, .c5 circle { fill: var(--c5); }
i.c0 { background: var(--c0); } i.c1 { background: var(--c1); } i.c2 { background: var(--c2); }
i.c3 { background: var(--c3); } i.c4 { background: var(--c4); } i.c5 { background: var(--c5); }
g.fill rect { fill-opacity: 0.85; }
table.lines-of-five { display: grid; grid-template-columns: repeat(10, auto); }
table.lines-of-five :is(thead, tbody, tr) { display: contents; }
table.lines-of-five :is(th, td):first-child { grid-column: 1 / -1; border: none; padding-bottom: 0; }
.narrow { display: none; }
@media (max-width: 640px) {
  main { padding: 12px 8px 40px; }
  section { padding: 14px 12px; }
  h1 { font-size: 22px; }
  table { font-size: 12px; }
  th, td { padding-right: 8px; }
  td:last-child:not(.n) { min-width: 110px; }
  th.n { white-space: normal; }
  table:is(.first, .first-three, .last) { display: grid; grid-template-columns: repeat(var(--columns), auto); }
  table:is(.first, .first-three, .last) :is(thead, tbody, tr) { display: contents; }
  table:is(.first, .first-three, .last) :is(th, td) { padding-right: 4px; }
  table.lines-of-five { grid-template-columns: repeat(var(--columns), auto); }
  table.lines-of-five :is(th, td) { padding-right: 4px; min-width: 0 !important; }
  table.lines-of-five :is(th, td):first-child { grid-column: span 4; }
  table.lines-of-five :is(th, td):nth-child(4) { grid-column: span 2; }
  table.lines-of-five :is(th, td):nth-child(-n + 6) { border: none; padding-bottom: 0; }
  table.first-three :is(th, td):nth-child(2) { grid-column: span 2; }
  table.first-three :is(th, td):nth-child(-n + 3) { border: none; padding-bottom: 0; }
  table.first-three :is(th, td):first-child { font-weight: 600; }
  table.first-three :is(th, td):nth-child(3) { text-align: right; min-width: 0; white-space: nowrap; }
  table.first :is(th, td):first-child { grid-column: 1 / -1; border: none; padding-bottom: 0; font-weight: 600; }
  table.first :is(th, td) { white-space: normal; overflow-wrap: anywhere; }
  table.last :is(th, td):last-child { grid-column: 1 / -1; padding-top: 0; color: var(--soft); min-height: 5px; }
  table.last :is(th, td):not(:last-child) { border: none; padding-bottom: 0; }
  .wide { display: none; }
  .narrow { display: block; }
}
@media print {
  body { background: none; }
  main { max-width: none; padding: 0; }
  section { border: none; border-radius: 0; padding: 6px 0; margin: 8px 0; }
  h2, h3, thead { break-after: avoid; }
  tr, td, th, svg, figure, .legend { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 10px; }
  th, td { padding-right: 6px; }
  td, th, td:first-child, .n { white-space: normal; overflow-wrap: anywhere; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
}
"""
