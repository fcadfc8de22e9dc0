#!/bin/sh
# Makes one picture WIDTH pixels wide with ImageMagick; a command.
# {"file","width"} -> {"file","width","height"}, or the error NotAPicture.
set -eu
payload=$(mktemp)
trap 'rm -f "$payload"' EXIT
cat >"$payload"
member() { sqlite3 :memory: "SELECT CAST(readfile('$payload') AS TEXT) ->> '$1'"; }

file=$(basename "$(member file)")
width=$(member width)
made=$width-${file%.*}.png
if ! convert "$PICTURES/in/$file" -resize "${width}x" -strip "png:$PICTURES/out/$made"; then
    echo '{"errorType":"NotAPicture","errorMessage":"ImageMagick cannot read it"}'
    exit 1
fi
convert "$PICTURES/out/$made" -format "{\"file\":\"$made\",\"width\":%w,\"height\":%h}" info:
