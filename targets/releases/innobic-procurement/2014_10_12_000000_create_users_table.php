<?php // stands in for the release's own file: only its name is read
