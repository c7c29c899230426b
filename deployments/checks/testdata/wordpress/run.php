<?php
// Runs PHP code that a test sends inside WordPress, and prints what it returns as JSON on the last line.
// What WordPress does at the end of a request follows, as in every request.
require __DIR__ . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
if ( Gallerywire\Settings::key() !== $_POST['key'] ) {
	exit( 'not for strangers' );
}

/** A stand-in for WP-CLI: commands print, and an error ends them. */
class WP_CLI {
	public static $lines = array();
	public static function line( $text ) {
		self::$lines[] = $text;
	}
	public static function log( $text ) {
		self::$lines[] = $text;
	}
	public static function success( $text ) {
		self::$lines[] = 'Success: ' . $text;
	}
	public static function warning( $text ) {
		self::$lines[] = 'Warning: ' . $text;
	}
	public static function error( $text ) {
		throw new Exception( 'Error: ' . $text );
	}
}

/** A command's output. */
function command( $name, $options = array() ) {
	WP_CLI::$lines = array();
	try {
		( new Gallerywire\Command() )->$name( array(), $options );
	} catch ( Exception $e ) {
		WP_CLI::$lines[] = $e->getMessage();
	}
	return WP_CLI::$lines;
}

/** A picture that an editor uploads: a real JPEG. */
function picture( $name, $width, $height, $fields = array(), $parent = 0 ) {
	$file  = wp_tempnam( $name . '.jpg' );
	$image = imagecreatetruecolor( $width, $height );
	imagefilledellipse( $image, $width / 2, $height / 2, $width / 2, $height / 2, imagecolorallocate( $image, 200, 80, 40 ) );
	imagejpeg( $image, $file );
	$upload = array( 'name' => $name . '.jpg', 'tmp_name' => $file, 'type' => 'image/jpeg', 'size' => filesize( $file ), 'error' => 0 );
	$id     = media_handle_sideload( $upload, $parent, null, $fields );
	if ( is_wp_error( $id ) ) {
		throw new Exception( $id->get_error_message() );
	}
	return $id;
}

/** A gallery as the block editor writes it: attachment => caption. */
function gallery_block( $pictures ) {
	$html = '';
	foreach ( $pictures as $id => $caption ) {
		$figcaption = '' === $caption ? '' : '<figcaption class="wp-element-caption">' . $caption . '</figcaption>';
		$html      .= '<!-- wp:image {"id":' . $id . ',"sizeSlug":"large","linkDestination":"none"} -->' . "\n"
			. '<figure class="wp-block-image size-large"><img src="' . wp_get_attachment_url( $id ) . '" alt="" class="wp-image-' . $id . '"/>' . $figcaption . "</figure>\n<!-- /wp:image -->\n\n";
	}
	return '<!-- wp:gallery {"linkTo":"none"} -->' . "\n" . '<figure class="wp-block-gallery has-nested-images columns-default is-cropped">' . $html . "<figcaption class=\"blocks-gallery-caption wp-element-caption\">Of the whole</figcaption></figure>\n<!-- /wp:gallery -->";
}

/** Attaches pictures to a post as the media library does, which then leads the browser elsewhere and exits. */
function attach_in_library( $post, $pictures ) {
	wp_set_current_user( 1 );
	$_REQUEST['media'] = $pictures;
	$stop = function () {
		throw new Exception();
	};
	add_filter( 'wp_redirect', $stop );
	try {
		wp_media_attach_action( $post );
	} catch ( Exception $e ) {
		remove_filter( 'wp_redirect', $stop );
	}
}

/** Saves a post as an editor does. */
function save( $fields ) {
	$id = wp_insert_post( wp_slash( $fields + array( 'post_status' => 'publish', 'post_author' => 1 ) ), true );
	if ( is_wp_error( $id ) ) {
		throw new Exception( $id->get_error_message() );
	}
	return $id;
}

function change( $fields ) {
	$id = wp_update_post( wp_slash( $fields ), true );
	if ( is_wp_error( $id ) ) {
		throw new Exception( $id->get_error_message() );
	}
	return $id;
}

echo "\n", json_encode( eval( wp_unslash( $_POST['code'] ) ) ), "\n";
