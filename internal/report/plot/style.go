package plot

// Style is the CSS that the charts need, for both colour schemes. The colours
// can be told apart with the common kinds of colour blindness (Okabe and Ito,
// "Color Universal Design"), made lighter on dark ground.
const Style = `
:root { color-scheme: light dark;
  --ground: #fff; --text: #1c1e21; --soft: #5f6670; --grid: #e4e7eb; --box: #f6f7f9; --mark: #9a3412;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #8e5ea2; --c4: #b8860b; --c5: #5f6670;
  --pass: #137333; --fail: #b3261e; --invalid: #8a5a00 }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14171a; --text: #e6e8eb; --soft: #a3abb5; --grid: #2b3137; --box: #1d2226; --mark: #fb923c;
  --c0: #5bb0e8; --c1: #ff9e5e; --c2: #45cfa3; --c3: #c79bdd; --c4: #e3bd4f; --c5: #a3abb5;
  --pass: #6fcf83; --fail: #ff8a80; --invalid: #e6b450 } }
.plots { overflow-x: auto }
svg.plot { display: block; width: 100%; max-width: 900px; min-width: 560px; height: auto; font: 12px system-ui, sans-serif }
svg.plot text { fill: var(--soft) }
svg.plot .title { fill: var(--text); font-weight: 600; font-size: 14px }
svg.plot .grid { stroke: var(--grid) }
svg.plot .join { stroke: var(--soft); stroke-width: 1.5 }
svg.plot .mark { stroke: var(--mark); stroke-dasharray: 3 3 }
svg.plot .line { fill: none; stroke-width: 2; stroke-linejoin: round }
svg.plot .key { fill: none; stroke-width: 4 }
svg.plot .interval { stroke: var(--text); stroke-width: 4; stroke-linecap: round }
svg.plot .estimate { fill: var(--ground); stroke: var(--text); stroke-width: 3 }
svg.plot .c0.line, svg.plot .c0.key { stroke: var(--c0) } svg.plot .c0.fill { fill: var(--c0) }
svg.plot .c1.line, svg.plot .c1.key { stroke: var(--c1) } svg.plot .c1.fill { fill: var(--c1) }
svg.plot .c2.line, svg.plot .c2.key { stroke: var(--c2) } svg.plot .c2.fill { fill: var(--c2) }
svg.plot .c3.line, svg.plot .c3.key { stroke: var(--c3) } svg.plot .c3.fill { fill: var(--c3) }
svg.plot .c4.line, svg.plot .c4.key { stroke: var(--c4) } svg.plot .c4.fill { fill: var(--c4) }
svg.plot .c5.line, svg.plot .c5.key { stroke: var(--c5) } svg.plot .c5.fill { fill: var(--c5) }
`
