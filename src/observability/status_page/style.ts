// The status page's style: light and dark, from phone width up.

export const STATUS_STYLE = `
:root{--bg:#f5f6f8;--card:#fff;--line:#e2e5ea;--text:#16191f;--soft:#626a77;--accent:#2459d6;--good:#147a46;--good-bg:#e2f4ea;
--warn:#8f5300;--warn-bg:#fff2d9;--warn-line:#f0cf8d;--bad:#b3261e;--bad-bg:#fdeae8;--bad-line:#f1b8b3}
@media(prefers-color-scheme:dark){:root{--bg:#101216;--card:#191c22;--line:#2a2f38;--text:#e9ebef;--soft:#98a1b0;--accent:#7da5ff;
--good:#5fd394;--good-bg:#12311f;--warn:#f2b95a;--warn-bg:#2e2412;--warn-line:#5c4620;--bad:#ff8f86;--bad-bg:#381917;--bad-line:#6b2e2a}}
*{box-sizing:border-box;margin:0}
body{background:var(--bg);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1040px;margin:0 auto;padding:20px 16px 32px;display:grid;gap:14px}
main>*{min-width:0}
header{display:flex;align-items:center;justify-content:space-between;gap:12px;flex-wrap:wrap}
h1{font-size:20px;letter-spacing:-.01em}
small{font-weight:400;color:var(--soft);font-size:13px;letter-spacing:0}
h2{font-size:15px}
.pill{padding:5px 13px;border-radius:99px;font-weight:600;font-size:14px;background:var(--line);color:var(--soft)}
.pill.good{background:var(--good-bg);color:var(--good)}
.pill.warn{background:var(--warn-bg);color:var(--warn)}
.pill.bad{background:var(--bad-bg);color:var(--bad)}
.part,.tile,.tables,.problem{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.flow{display:grid;grid-template-columns:1fr 60px 1fr;align-items:center;gap:10px}
.part{align-self:stretch}
.part h2{display:flex;align-items:center;gap:8px}
.part i{width:10px;height:10px;border-radius:50%;background:var(--soft);flex:none}
.part.good i{background:var(--good)}.part.warn i{background:var(--warn)}.part.bad i{background:var(--bad)}
.part.bad{border-color:var(--bad-line)}
.state{color:var(--soft);margin:1px 0 8px 18px}
.part.good .state{color:var(--good)}.part.warn .state{color:var(--warn)}.part.bad .state{color:var(--bad)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 12px;font-size:13px;margin-left:18px}
dt{color:var(--soft)}
dd{overflow-wrap:anywhere;min-width:0}
.arrow svg{width:100%;stroke:var(--line);fill:none;stroke-width:2}
.arrow.on svg{stroke:var(--good)}
.problem{border-color:var(--warn-line);background:var(--warn-bg)}
.problem.bad{border-color:var(--bad-line);background:var(--bad-bg)}
.problem.past{border-color:var(--line);background:var(--card)}
.problem h2{color:var(--warn);margin-bottom:3px}
.problem.bad h2{color:var(--bad)}.problem.past h2{color:var(--soft)}
.problem time{font-weight:400;color:var(--soft);font-size:13px}
.problem p{overflow-wrap:anywhere}
.problem p+p{margin-top:6px}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
#problem-fix b{font-size:12px;color:var(--soft);margin-right:4px;font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:14px}
.tile{display:flex;flex-direction:column;min-width:0}
.tile.wide{grid-area:span 3/span 2}
.tile.warn{border-color:var(--warn-line);background:var(--warn-bg)}
.tile.bad{border-color:var(--bad-line);background:var(--bad-bg)}
h3{font-size:13px;color:var(--soft);font-weight:500}
.figure{font-size:15px;color:var(--soft);white-space:nowrap}
.figure b{font-size:26px;font-weight:650;color:var(--text);letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.note{color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums;min-height:1.45em}
.wide .note{display:flex;justify-content:space-between}
#spark{width:100%;flex:1;min-height:64px;margin:6px 0}
#spark .stroke{fill:none;stroke:var(--accent);stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round}
#spark .area{fill:var(--accent);opacity:.13}
.tables h2{margin-bottom:6px}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th{color:var(--soft);font-weight:500;font-size:13px}
th,td{text-align:right;padding:5px 0 5px 16px;border-top:1px solid var(--line);white-space:nowrap}
thead th{border-top:0}
th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal;overflow-wrap:anywhere;min-width:92px}
td.zero{color:var(--soft)}
.status.good{color:var(--good)}.status.warn{color:var(--warn)}.status.bad{color:var(--bad)}
.tables td.reason{border-top:0;padding:0 0 7px;color:var(--soft);font-size:13px;white-space:normal;overflow-wrap:anywhere}
.reason b{font-size:12px;font-weight:600}
progress{appearance:none;width:64px;height:6px;margin-right:8px;border:0;border-radius:3px;overflow:hidden;background:var(--line);vertical-align:middle}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--accent)}
progress::-moz-progress-bar{background:var(--accent)}
.empty{color:var(--soft)}
footer{color:var(--soft);font-size:13px;display:flex;gap:6px 16px;flex-wrap:wrap}
a{color:var(--accent)}
.stale{opacity:.45}
@media(max-width:640px){.flow{grid-template-columns:1fr}.arrow{display:none}
.tiles{grid-template-columns:1fr 1fr;gap:10px}.tile.wide{grid-area:auto/span 2}main{gap:10px;padding:14px 12px 24px}
.part,.tile,.tables,.problem{padding:12px 13px}.figure b{font-size:22px}th,td{padding-left:11px}
th:last-child,td:last-child{display:none}.tables td.reason{display:table-cell}}
@media(prefers-reduced-motion:no-preference){.part i,.pill{transition:background .3s}}
`;
