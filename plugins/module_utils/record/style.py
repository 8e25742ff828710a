# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's clothes. Paper needs no background colour: every meaning is a word, every bar a border."""

from __future__ import annotations

CSS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2530; --soft: #5b6672; --line: #d8dee4; --tint: #f5f7f9; --link: #1a5fa8;
  --good: #1a6b3c; --bad: #b3261e; --warn: #8a5a00; --calm: #4a5663;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14191f; --ink: #e4e9ee; --soft: #9aa6b2; --line: #333d47; --tint: #1b222a; --link: #7cb4f0;
    --good: #6fcf97; --bad: #ff8f86; --warn: #e9b44c; --calm: #a9b5c1;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 3rem; max-width: 72rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
h1 { margin: 0 0 1rem; font-size: 2rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
code { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; overflow-wrap: anywhere; }
.hash { letter-spacing: .01em; }
.eyebrow { margin: 0; color: var(--soft); font-size: .85rem; letter-spacing: .08em; text-transform: uppercase; }
.note { color: var(--soft); font-size: .88em; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .calm { color: var(--calm); }
.sign { display: inline-block; min-width: 1em; text-align: center; font-weight: 700; }
.outcome { margin: 0; padding: .9rem 1.1rem; border: 1px solid var(--line); border-left: .4rem solid currentColor; background: var(--tint); font-size: 1.2rem; }
.status { white-space: nowrap; font-weight: 600; }

dl { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 2.5rem; margin: 0; border-top: 1px solid var(--line); }
dl > div { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
dl > .wide { grid-column: 1 / -1; }
dt { color: var(--soft); }
dd { margin: 0; }

table { width: 100%; border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .5rem; text-align: left; color: var(--soft); }
th, td { padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--line); white-space: nowrap; }
tbody th { font-weight: 600; }
th, td { overflow-wrap: break-word; }
.hosts code, .hosts a, .short code { white-space: nowrap; }
.packages { margin-bottom: 1.5rem; }
.stages td:last-child { width: 38%; }
.errors th:first-child { max-width: 14rem; }
.errors td:nth-child(2) { white-space: nowrap; }
.bar { display: block; height: 0; margin-top: .4rem; border-top: .6rem solid var(--calm); }

details { border-bottom: 1px solid var(--line); padding: .6rem 0; }
summary { cursor: pointer; }
summary .status { white-space: normal; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }

@media screen and (max-width: 46rem) {
  body { padding: 1.5rem 1rem 2rem; }
  dl { grid-template-columns: 1fr; }
  dl > div, dl > .wide { grid-column: auto; grid-template-columns: 6.5rem minmax(0, 1fr); }
  .cards, .cards :is(caption, tbody, tr, th, td) { display: block; }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards tbody tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .cards tbody :is(th, td) { padding: .15rem 0; border: 0; }
  .cards tbody td { position: relative; padding-left: 7.5rem; }
  .cards tbody td::before { content: attr(data-label); position: absolute; left: 0; width: 7rem; color: var(--soft); font-size: .9em; }
  .hosts code, .hosts a, .short code { white-space: normal; }
  .stages td:last-child { width: auto; }
  .errors th:first-child { max-width: none; }
}

@page { size: A4; margin: 16mm 14mm; }
@media print {
  :root {
    color-scheme: light; font-size: 9.5pt;
    --paper: #fff; --ink: #000; --soft: #444; --line: #999; --tint: #fff; --link: #000;
    --good: #000; --bad: #000; --warn: #000; --calm: #444;
  }
  body { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 1.5rem; }
  a { text-decoration: none; }
  thead { display: table-header-group; }
  tr, dl > div, .outcome, footer { break-inside: avoid; }
  caption { break-after: avoid; }
  tbody tr:first-child { break-before: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
