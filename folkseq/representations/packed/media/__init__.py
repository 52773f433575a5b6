"""The media: `packed.MEDIA` lists them."""
