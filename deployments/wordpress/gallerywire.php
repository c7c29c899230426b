<?php
/**
 * Plugin Name: gallerywire
 * Description: Sends the galleries of posts to gallerywire, which serves them as feeds.
 * Requires at least: 6.0
 * Requires PHP: 7.4
 *
 * Copy this file into wp-content/mu-plugins and set in wp-config.php:
 *
 *     define( 'GALLERYWIRE_URL', 'https://feeds.example.com' );             // without /events
 *     define( 'GALLERYWIRE_KEY_FILE', '/etc/wordpress/gallerywire.key' );   // or GALLERYWIRE_KEY, the key itself
 *
 * Optional:
 *
 *     define( 'GALLERYWIRE_ID_PREFIX', 'wp-' );            // begins each gallery's id; never change it
 *     define( 'GALLERYWIRE_POST_TYPES', 'post,page' );     // default: post
 *     define( 'GALLERYWIRE_HOME', 'https://www.example.com' ); // the site that may send; default: see Settings::moved()
 *     define( 'GALLERYWIRE_GUIDS_BEFORE', '2026-11-29' );  // posts published before it keep WordPress' own guid in
 *                                                          // feeds; default: when this plugin was first used
 *
 * How it works. Hooks put a post's number into a queue ({@see Watch}, {@see Queue}). The gallery is built when it is
 * sent ({@see Gallery}), so that only the newest state counts, whatever happened meanwhile. The first attempt follows at
 * the end of the same request, and WP-Cron repeats it until gallerywire has acknowledged ({@see Sender}). What was sent
 * of a post is kept with the post ({@see Record}): a state that is already acknowledged is not sent again, and each
 * other state gets a higher version. The only tables are WordPress' own.
 *
 * Filters:
 *
 *     gallerywire_pictures  ( $pictures, $post )            the pictures found in a post: arrays with id, url, caption, alt
 *     gallerywire_credit    ( $credit, $attachment, $post ) the credit of a picture
 *     gallerywire_authors   ( $authors, $post )             arrays with name and url
 *     gallerywire_gallery   ( $gallery, $post )             all of it; null takes the gallery down
 *
 * @package gallerywire
 */

namespace Gallerywire;

defined( 'ABSPATH' ) || exit;

/** The constants of wp-config.php. */
final class Settings {

	/** The address of gallerywire; empty: not configured, nothing is queued or sent. */
	public static function url(): string {
		return defined( 'GALLERYWIRE_URL' ) ? rtrim( (string) GALLERYWIRE_URL, '/' ) : '';
	}

	/** The key, or an empty string where there is none. It is never shown or logged. */
	public static function key(): string {
		if ( defined( 'GALLERYWIRE_KEY' ) ) {
			return trim( (string) GALLERYWIRE_KEY );
		}
		if ( ! defined( 'GALLERYWIRE_KEY_FILE' ) || ! is_readable( GALLERYWIRE_KEY_FILE ) ) {
			return '';
		}
		$lines = preg_split( '/\s*\R\s*/', trim( (string) file_get_contents( GALLERYWIRE_KEY_FILE ) ) );
		return $lines[0];
	}

	public static function post_types(): array {
		$types = defined( 'GALLERYWIRE_POST_TYPES' ) ? GALLERYWIRE_POST_TYPES : 'post';
		return is_array( $types ) ? $types : preg_split( '/[\s,]+/', $types, -1, PREG_SPLIT_NO_EMPTY );
	}

	/** The id of a post's gallery. Further sites of a network have their number in it. */
	public static function gallery_id( int $post_id ): string {
		$prefix = defined( 'GALLERYWIRE_ID_PREFIX' ) ? GALLERYWIRE_ID_PREFIX : 'wp-';
		return $prefix . ( is_main_site() ? '' : get_current_blog_id() . '-' ) . $post_id;
	}

	/**
	 * Why nothing may be sent, or an empty string: a copy of the site, with the same settings and posts, would overwrite
	 * the galleries of the original. The address at the first use counts, until an administrator confirms another one.
	 * It is stored in a form that search and replace does not find.
	 */
	public static function moved(): string {
		$home = self::home();
		if ( ! self::has_fixed_home() ) {
			add_option( 'gallerywire_home', bin2hex( $home ) ); // keeps what is there
		}
		$known = self::has_fixed_home() ? (string) GALLERYWIRE_HOME : (string) hex2bin( get_option( 'gallerywire_home' ) );
		$short = static function ( $url ) {
			return strtolower( preg_replace( '~^https?://(www\.)?|/+$~i', '', $url ) );
		};
		return $short( $known ) === $short( $home ) ? '' : 'Nothing is sent: this site was ' . $known . ', and is ' . $home . ' now. If it is a copy, remove GALLERYWIRE_URL; else confirm the address under Tools, gallerywire.';
	}

	/** The constant names the main site of a network. */
	public static function has_fixed_home(): bool {
		return defined( 'GALLERYWIRE_HOME' ) && is_main_site();
	}

	/** An administrator says that this is the site, and no copy. */
	public static function confirm_home(): void {
		update_option( 'gallerywire_home', bin2hex( self::home() ) );
		Watch::everything();
		Sender::schedule();
	}

	/** Without the filters of plugins that give each language another one. */
	private static function home(): string {
		return (string) get_option( 'home' );
	}

	/** Posts published before this instant were in WordPress' own feeds, and keep their guid. */
	public static function guids_before(): int {
		if ( defined( 'GALLERYWIRE_GUIDS_BEFORE' ) ) {
			return (int) strtotime( GALLERYWIRE_GUIDS_BEFORE . ' UTC' );
		}
		add_option( 'gallerywire_began', time() ); // keeps what is there
		return (int) get_option( 'gallerywire_began' );
	}
}

/**
 * The pictures of a post, in their order. A picture is an array: id (of the attachment, 0: none), url (only
 * without one), caption and alt (only if the post itself has them).
 */
final class Pictures {

	/**
	 * All pictures of the post's galleries; none if it has no gallery. The featured image comes first, unless a
	 * gallery has it. A picture that is in twice is shown once.
	 */
	public static function of( \WP_Post $post ): array {
		$patterns = array();
		$pictures = apply_filters( 'gallerywire_pictures', self::in_blocks( parse_blocks( $post->post_content ), $post, $patterns ), $post );
		if ( ! $pictures ) {
			return array();
		}
		$featured = (int) get_post_thumbnail_id( $post );
		if ( $featured && ! in_array( $featured, array_map( 'intval', array_column( $pictures, 'id' ) ), true ) ) {
			array_unshift( $pictures, array( 'id' => $featured ) );
		}
		$unique = array();
		foreach ( $pictures as $picture ) {
			$picture += array( 'id' => 0, 'url' => '', 'caption' => '', 'alt' => '' );

			$picture['url'] = self::absolute( $picture['url'] );

			$key     = $picture['id'] ? $picture['id'] : $picture['url'];
			$unique += array( $key => $picture );
		}
		return array_values( $unique );
	}

	/** Content of the classic editor is one block without a name. A pattern counts once: it may refer to itself. */
	private static function in_blocks( array $blocks, \WP_Post $post, array &$patterns ): array {
		$found = array();
		foreach ( $blocks as $block ) {
			if ( 'core/gallery' === $block['blockName'] ) {
				$found = array_merge( $found, self::in_gallery( $block ) );
				continue;
			}
			if ( 'core/block' === $block['blockName'] ) {
				$shared = get_post( (int) ( $block['attrs']['ref'] ?? 0 ) );
				if ( $shared && 'wp_block' === $shared->post_type && 'publish' === $shared->post_status && empty( $patterns[ $shared->ID ] ) ) {
					$patterns[ $shared->ID ] = true;
					$found                   = array_merge( $found, self::in_blocks( parse_blocks( $shared->post_content ), $post, $patterns ) );
				}
				continue;
			}
			$inner = $block['innerBlocks'];
			foreach ( $block['innerContent'] as $chunk ) {
				$more  = is_string( $chunk ) ? self::in_shortcodes( $chunk, $post ) : self::in_blocks( array( array_shift( $inner ) ), $post, $patterns );
				$found = array_merge( $found, $more );
			}
		}
		return $found;
	}

	/** A gallery block: image blocks in it, or, until WordPress 5.8, its own HTML, or only ids. */
	private static function in_gallery( array $block ): array {
		$found = array();
		foreach ( $block['innerBlocks'] as $image ) {
			$found[] = self::in_html( $image['innerHTML'], (int) ( $image['attrs']['id'] ?? 0 ) );
		}
		if ( ! $found && preg_match_all( '~<img\b(?:(?!<img\b|blocks-gallery-caption).)*~is', $block['innerHTML'], $parts ) ) {
			$found = array_map( array( self::class, 'in_html' ), $parts[0] );
		}
		$found = array_values( array_filter( $found ) );
		return $found ? $found : self::with_ids( (array) ( $block['attrs']['ids'] ?? array() ) );
	}

	/** The first image of the HTML with the caption after it, or null. */
	private static function in_html( string $html, int $id = 0 ): ?array {
		if ( ! preg_match( '~<img\b[^>]*>~i', $html, $image ) ) {
			return $id ? array( 'id' => $id ) : null;
		}
		if ( ! $id && preg_match( '~\bdata-id=["\']?(\d+)|\bwp-image-(\d+)~', $image[0], $number ) ) {
			$id = (int) end( $number );
		}
		preg_match( '~<figcaption\b[^>]*>(.*?)</figcaption>~is', $html, $caption );
		$url = self::absolute( self::attribute( $image[0], 'src' ) );
		return array(
			'id'      => self::attachment( $id, $url ),
			'url'     => $url,
			'alt'     => self::attribute( $image[0], 'alt' ),
			'caption' => trim( $caption[1] ?? '' ),
		);
	}

	/** The address with a scheme and a host, where it begins with "//" or "/". */
	private static function absolute( string $url ): string {
		if ( 0 === strpos( $url, '//' ) ) {
			return 'https:' . $url;
		}
		return 0 === strpos( $url, '/' ) ? \WP_Http::make_absolute_url( $url, home_url( '/' ) ) : $url;
	}

	/** The attachment that visitors see: after an import, the number may be that of another one. 0: it is elsewhere. */
	private static function attachment( int $id, string $url ): int {
		$plain = preg_replace( array( '/[?#].*$/s', '/-\d+x\d+(?=\.\w+$)/' ), '', $url );
		$name  = static function ( $path ) {
			return preg_replace( '/(-scaled|-rotated|-e\d{13})?(\.\w+)*$/', '', basename( $path ) );
		};
		$file = (string) get_post_meta( $id, '_wp_attached_file', true );
		if ( '' === $url || ( $id && '' === $file ) || $name( $file ) === $name( $plain ) ) {
			return $id; // of a deleted one too: another file may have got its address
		}
		if ( ! $id && self::is_elsewhere( $url ) ) {
			return 0;
		}
		foreach ( array( $url, $plain, preg_replace( '/(?=\.\w+$)/', '-scaled', $plain ) ) as $address ) {
			$found = attachment_url_to_postid( $address );
			if ( $found ) {
				return $found;
			}
		}
		return self::is_elsewhere( $url ) ? 0 : $id;
	}

	/** The address is not one of this site's own files. */
	public static function is_elsewhere( string $url ): bool {
		$short = static function ( $address ) {
			return preg_replace( '~^https?://~i', '', $address );
		};
		return $short( $url ) !== $url && 0 !== strpos( $short( $url ), $short( wp_get_upload_dir()['baseurl'] ) . '/' );
	}

	private static function attribute( string $tag, string $name ): string {
		$found = preg_match( '~\s' . $name . '=(["\'])(.*?)\1~is', $tag, $match );
		return $found ? trim( html_entity_decode( $match[2], ENT_QUOTES | ENT_HTML5, 'UTF-8' ) ) : '';
	}

	/** The classic [gallery], with ids or of the pictures that are attached to the post. */
	private static function in_shortcodes( string $text, \WP_Post $post ): array {
		if ( false === strpos( $text, '[gallery' ) ) {
			return array();
		}
		$found = array();
		preg_match_all( '/' . get_shortcode_regex( array( 'gallery' ) ) . '/', $text, $matches, PREG_SET_ORDER );
		foreach ( $matches as $match ) {
			if ( '[' !== $match[1] ) { // [[gallery]] is text
				$found = array_merge( $found, self::with_ids( self::shortcode_ids( (array) shortcode_parse_atts( $match[3] ), $post ) ) );
			}
		}
		return $found;
	}

	private static function shortcode_ids( array $atts, \WP_Post $post ): array {
		$listed = $atts['ids'] ?? $atts['include'] ?? '';
		if ( '' !== $listed ) {
			return wp_parse_id_list( $listed );
		}
		$of = get_post( empty( $atts['id'] ) ? $post : (int) $atts['id'] );
		if ( ! $of || ( $of->ID !== $post->ID && ( '' !== $of->post_password || ! is_post_publicly_viewable( $of ) ) ) ) {
			return array();
		}
		$orderby = sanitize_sql_orderby( $atts['orderby'] ?? '' );
		return get_posts(
			array(
				'fields'         => 'ids',
				'post_parent'    => $of->ID,
				'post_type'      => 'attachment',
				'post_status'    => 'inherit',
				'post_mime_type' => 'image',
				'numberposts'    => 1000,
				'exclude'        => $atts['exclude'] ?? '',
				'order'          => $atts['order'] ?? 'ASC',
				'orderby'        => $orderby && 'rand' !== $orderby ? $orderby : 'menu_order ID',
			)
		);
	}

	private static function with_ids( array $ids ): array {
		return array_map(
			static function ( $id ) {
				return array( 'id' => (int) $id );
			},
			array_filter( $ids, 'is_numeric' )
		);
	}
}

/** A post as gallerywire's gallery. */
final class Gallery {

	/** Meta fields of attachments in which plugins and editors keep a credit; the first that is not empty counts. */
	private const CREDIT_FIELDS = array( 'credit', 'photo_credit', 'image_credit', '_credit', '_media_credit', 'photographer', '_wp_attachment_source_name', 'isc_image_source', 'source' );

	/** Shown to everybody now, or at the time for which it is scheduled. */
	public static function is_public( \WP_Post $post ): bool {
		return in_array( $post->post_type, Settings::post_types(), true ) && '' === $post->post_password && ! is_closed_site()
			&& ( 'future' === $post->post_status || is_post_status_viewable( $post->post_status ) );
	}

	/**
	 * The gallery without updated and version, or null if there is nothing to show. It is built as a visitor who
	 * is not logged in sees the post, whoever saved it.
	 */
	public static function of( \WP_Post $post, bool $guid ): ?array {
		$editor          = get_current_user_id();
		$outer           = $GLOBALS['post'] ?? null;
		$switched        = switch_to_locale( get_locale() ); // the editor may read another language
		$GLOBALS['post'] = $post;
		wp_set_current_user( 0 );
		try {
			$gallery = self::build( $post, $guid );
			$gallery = $gallery ? apply_filters( 'gallerywire_gallery', $gallery, $post ) : null;
		} finally {
			wp_set_current_user( $editor );
			$GLOBALS['post'] = $outer;
			if ( $switched ) {
				restore_previous_locale();
			}
		}
		return is_array( $gallery ) ? array( 'id' => Settings::gallery_id( $post->ID ) ) + $gallery : null;
	}

	private static function build( \WP_Post $post, bool $guid ): ?array {
		$slides = self::is_public( $post ) ? self::slides( $post ) : array();
		if ( ! $slides ) {
			return null;
		}
		return array_filter(
			array(
				'url'       => self::permalink( $post ),
				'guid'      => $guid ? plain( get_the_guid( $post ) ) : '',
				'title'     => plain( $post->post_title ),
				'summary'   => plain( $post->post_excerpt ),
				'body'      => self::body( $post ),
				'language'  => self::language(),
				'section'   => self::section( $post ),
				'tags'      => self::tags( $post ),
				'authors'   => array_values( apply_filters( 'gallerywire_authors', self::authors( $post ), $post ) ),
				'published' => instant( self::published( $post ) ),
				'slides'    => $slides,
			)
		);
	}

	public static function published( \WP_Post $post ): int {
		$date = '0000-00-00 00:00:00' === $post->post_date_gmt ? get_gmt_from_date( $post->post_date ) : $post->post_date_gmt;
		return (int) strtotime( $date . ' UTC' );
	}

	/** The address that the post has, or will have: WordPress gives scheduled posts only ?p=1. */
	private static function permalink( \WP_Post $post ): string {
		$copy              = clone $post;
		$copy->post_status = 'publish';
		$copy->filter      = 'sample';
		return (string) get_permalink( $copy );
	}

	/**
	 * Attributes that no feed shows. Their values differ from one process to the next: WordPress numbers what it
	 * renders, and loads the first pictures of a page at once.
	 */
	private const UNSTABLE = '/^(class|id|for|sizes|loading|decoding|fetchpriority|aria-.*|data-wp-.*)$/i';

	/** Blocks that are no text: galleries, which are slides, and what depends on who opens which page. */
	private const NO_TEXT = '~^core/(gallery|avatar|calendar|comment|latest-comments|loginout|navigation|post-comments|query-pagination|search)~';

	/** The text without those blocks, and without shortcodes but captions. */
	private static function body( \WP_Post $post ): string {
		$keep = static function ( $tags ) {
			return array_diff( $tags, array( 'caption', 'wp_caption' ) );
		};
		add_filter( 'strip_shortcodes_tagnames', $keep );
		$without = static function ( $html, $block ) {
			return preg_match( self::NO_TEXT, (string) $block['blockName'] ) ? '' : $html;
		};
		add_filter( 'pre_render_block', $without, PHP_INT_MAX, 2 );
		$html = has_blocks( $post ) ? strip_shortcodes( do_blocks( $post->post_content ) ) : shortcode_unautop( wpautop( strip_shortcodes( $post->post_content ) ) );
		remove_filter( 'pre_render_block', $without, PHP_INT_MAX );
		remove_filter( 'strip_shortcodes_tagnames', $keep );
		return trim( preg_replace( '~<p>\s*</p>~', '', self::stable( self::captions( $html ) ) ) );
	}

	private static function stable( string $html ): string {
		$attribute = '\s+([^\s=>"\'/]+)(?:\s*=\s*(?:"[^"]*"|\'[^\']*\'|[^\s>"\']+))?';
		$keep      = static function ( $attribute ) {
			return preg_match( self::UNSTABLE, $attribute[1] ) ? '' : $attribute[0];
		};
		$clean = static function ( $tag ) use ( $attribute, $keep ) {
			return preg_replace_callback( "~$attribute~", $keep, $tag[0] ) ?? $tag[0];
		};
		return preg_replace_callback( "~<[a-z][^\s>/]*(?:$attribute)+~i", $clean, $html ) ?? $html;
	}

	/** No other shortcode is carried out: what is left of them was escaped, and is text. */
	private static function captions( string $html ): string {
		global $shortcode_tags;
		$all            = $shortcode_tags;
		$shortcode_tags = array_intersect_key( $all, array( 'caption' => 1, 'wp_caption' => 1 ) ); // phpcs:ignore WordPress.WP.GlobalVariablesOverride
		try {
			return do_shortcode( $html );
		} finally {
			$shortcode_tags = $all; // phpcs:ignore WordPress.WP.GlobalVariablesOverride
		}
	}

	/** The language of the site, not that of the editor; without variants such as "formal". */
	private static function language(): string {
		return preg_match( '/^[a-z]{2,3}(_[A-Z]{2})?(?![a-zA-Z])/', get_locale(), $match ) ? str_replace( '_', '-', $match[0] ) : '';
	}

	/** The first category; the main one where an SEO plugin lets editors choose it. */
	private static function section( \WP_Post $post ): string {
		$terms = self::terms( $post, true );
		$main  = (int) get_post_meta( $post->ID, '_yoast_wpseo_primary_category', true );
		foreach ( $terms as $term ) {
			if ( $term->term_id === $main ) {
				return plain( $term->name );
			}
		}
		$first = reset( $terms );
		return $first && ! ( 'uncategorized' === $first->slug && (int) get_option( 'default_category' ) === $first->term_id ) ? plain( $first->name ) : '';
	}

	private static function tags( \WP_Post $post ): array {
		return array_values( array_unique( array_map( __NAMESPACE__ . '\plain', wp_list_pluck( self::terms( $post, false ), 'name' ) ) ) );
	}

	/** The terms of the taxonomies that editors see: with levels, as categories, or without, as tags. */
	private static function terms( \WP_Post $post, bool $hierarchical ): array {
		$found = array();
		foreach ( get_object_taxonomies( $post, 'objects' ) as $taxonomy ) {
			if ( $taxonomy->public && $taxonomy->show_ui && (bool) $taxonomy->hierarchical === $hierarchical ) {
				$terms = get_the_terms( $post, $taxonomy->name );
				$found = array_merge( $found, is_array( $terms ) ? $terms : array() );
			}
		}
		return $found;
	}

	/** The author, or all of them where the plugin Co-Authors Plus is used. Addresses of mail stay private. */
	private static function authors( \WP_Post $post ): array {
		$users   = function_exists( 'get_coauthors' ) ? get_coauthors( $post->ID ) : array( get_userdata( (int) $post->post_author ) );
		$authors = array();
		foreach ( array_filter( $users ) as $user ) {
			if ( ! is_email( $user->display_name ) ) {
				$url       = get_author_posts_url( (int) $user->ID, $user->user_nicename );
				$authors[] = array( 'name' => plain( $user->display_name ), 'url' => $url );
			}
		}
		return $authors;
	}

	private static function slides( \WP_Post $post ): array {
		$slides = array();
		foreach ( Pictures::of( $post ) as $picture ) {
			$attachment = $picture['id'] ? get_post( $picture['id'] ) : null;
			if ( $attachment && 'trash' !== $attachment->post_status && wp_attachment_is_image( $attachment ) ) {
				$slides[] = self::slide( $picture, $attachment, $post );
			} elseif ( ! $picture['id'] && Pictures::is_elsewhere( $picture['url'] ) ) { // else it was deleted
				$image    = array_filter( array( 'url' => $picture['url'], 'alt' => $picture['alt'] ) );
				$slides[] = array_filter( array( 'id' => 'url-' . md5( $picture['url'] ), 'caption' => $picture['caption'], 'image' => $image ) );
			}
		}
		return $slides;
	}

	private static function slide( array $picture, \WP_Post $attachment, \WP_Post $post ): array {
		$alt     = (string) get_post_meta( $attachment->ID, '_wp_attachment_image_alt', true );
		$caption = '' === $picture['caption'] ? $attachment->post_excerpt : $picture['caption'];
		return array_filter(
			array(
				'id'      => (string) $attachment->ID,
				'title'   => self::picture_title( $attachment ),
				'caption' => trim( $caption ),
				'credit'  => plain( (string) apply_filters( 'gallerywire_credit', self::credit( $attachment ), $attachment, $post ) ),
				'image'   => self::image( $attachment, '' === $picture['alt'] ? plain( $alt ) : $picture['alt'] ),
			)
		);
	}

	/** WordPress makes the name of the file the title; that is none. */
	private static function picture_title( \WP_Post $attachment ): string {
		$name  = pathinfo( (string) get_post_meta( $attachment->ID, '_wp_attached_file', true ), PATHINFO_FILENAME );
		$name  = sanitize_title( preg_replace( '/-scaled$/', '', $name ) );
		$title = sanitize_title( $attachment->post_title );
		return preg_match( '/^' . preg_quote( $title, '/' ) . '(-\d+)?$/', $name ) ? '' : plain( $attachment->post_title );
	}

	private static function credit( \WP_Post $attachment ): string {
		foreach ( self::CREDIT_FIELDS as $field ) {
			$value = get_post_meta( $attachment->ID, $field, true );
			if ( is_string( $value ) && '' !== trim( $value ) ) {
				return $value;
			}
		}
		$camera = wp_get_attachment_metadata( $attachment->ID )['image_meta'] ?? array();
		return (string) ( ! empty( $camera['credit'] ) ? $camera['credit'] : $camera['copyright'] ?? '' );
	}

	private static function image( \WP_Post $attachment, string $alt ): array {
		$meta  = (array) wp_get_attachment_metadata( $attachment->ID );
		$small = wp_get_attachment_image_src( $attachment->ID, 'medium' );
		$file  = (string) get_attached_file( $attachment->ID );
		return array_filter(
			array(
				'url'       => (string) wp_get_attachment_url( $attachment->ID ),
				'type'      => $attachment->post_mime_type,
				'width'     => (int) ( $meta['width'] ?? 0 ),
				'height'    => (int) ( $meta['height'] ?? 0 ),
				'bytes'     => (int) ( $meta['filesize'] ?? ( is_file( $file ) ? wp_filesize( $file ) : 0 ) ),
				'alt'       => $alt,
				'thumbnail' => $small && $small[3] ? $small[0] : '',
			)
		);
	}
}

/** A text without tags and character references, on one line. */
function plain( string $html ): string {
	return trim( preg_replace( '/\s+/u', ' ', html_entity_decode( wp_strip_all_tags( $html ), ENT_QUOTES | ENT_HTML5, 'UTF-8' ) ) ?? '' );
}

/** This site of a network is archived, deleted or marked as spam: nobody sees it, and WordPress does not run its WP-Cron. */
function is_closed_site(): bool {
	$site = is_multisite() ? get_site() : null;
	return $site && ( $site->archived || $site->deleted || $site->spam );
}

/** Does something on a site of a network; without a network there is only this one. */
function on_site( int $site, callable $do ): void {
	if ( ! is_multisite() || get_current_blog_id() === $site ) {
		$do();
		return;
	}
	switch_to_blog( $site );
	try {
		$do();
	} finally { // a filter of the site may throw
		restore_current_blog();
	}
}

/** A Unix time in RFC 3339. */
function instant( int $time ): string {
	return gmdate( 'Y-m-d\TH:i:s\Z', $time );
}

/**
 * What was last sent of a post, as a meta field of it. Attachments have a field for each post that shows them, so
 * that an edited picture finds its posts.
 */
final class Record {

	public const FIELD    = '_gallerywire';
	public const AHEAD    = DAY_IN_SECONDS - MINUTE_IN_SECONDS; // later dates would be refused: a clock was wrong
	private const USED_IN = '_gallerywire_in';

	public $gallery  = '';      // its id: the copy of a post with all its fields is another gallery
	public $version  = 0;       // 0: nothing was ever sent
	public $updated  = 0;
	public $hash     = '';      // of what was sent
	public $accepted = false;   // gallerywire has acknowledged it
	public $shown    = false;   // gallerywire may show it: a publication was sent, and no take-down acknowledged since
	public $guid     = false;   // feeds know it by WordPress' guid
	public $images   = array(); // its attachments
	public $problems = array(); // why it was refused: arrays with place and reason

	public static function of( int $post_id ): self {
		$record = self::from( get_post_meta( $post_id, self::FIELD, true ) );
		return Settings::gallery_id( $post_id ) === $record->gallery ? $record : new self();
	}

	public static function from( $values ): self {
		$record = new self();
		foreach ( is_array( $values ) ? array_intersect_key( $values, get_object_vars( $record ) ) : array() as $name => $value ) {
			$record->$name = $value;
		}
		return $record;
	}

	public function save( int $post_id ): void {
		$this->gallery = Settings::gallery_id( $post_id );
		update_post_meta( $post_id, self::FIELD, wp_slash( get_object_vars( $this ) ) );
	}

	/** The next revision: later than the last one, or as late and with a higher version. */
	public function advance( string $hash, ?\WP_Post $post ): void {
		$now  = time();
		$last = min( $this->updated, $now + self::AHEAD );
		if ( 0 === $this->version && $post ) {
			$known = array( (int) get_post_timestamp( $post, 'modified' ), Gallery::published( $post ) );
			$known = array_filter(
				$known,
				static function ( $time ) use ( $now ) {
					return $time > 0 && $time <= $now;
				}
			);
			$now   = $known ? max( $known ) : $now;
		}
		$this->updated  = max( $now, $last );
		$this->version += 1;
		$this->hash     = $hash;
		$this->accepted = false;
	}

	/** Attachments of the gallery learn that this post shows them. */
	public function use_images( int $post_id, array $images ): void {
		foreach ( array_diff( $this->images, $images ) as $image ) {
			delete_post_meta( $image, self::USED_IN, $post_id );
		}
		foreach ( array_diff( $images, $this->images ) as $image ) {
			add_post_meta( $image, self::USED_IN, $post_id );
		}
		$this->images = $images;
	}

	public static function posts_with_image( int $image ): array {
		global $wpdb;
		return array_map( 'intval', $wpdb->get_col( $wpdb->prepare( "SELECT DISTINCT meta_value FROM $wpdb->postmeta WHERE post_id = %d AND meta_key = %s", $image, self::USED_IN ) ) ); // not from a cache: another process may have just stored it
	}

	/** Posts of which something was sent, and for which the SQL condition about p holds. */
	public static function posts_where( string $condition ): array {
		global $wpdb;
		return $wpdb->get_col( "SELECT DISTINCT p.ID FROM $wpdb->posts p JOIN $wpdb->postmeta m ON m.post_id = p.ID AND m.meta_key = '" . self::FIELD . "' WHERE $condition" ); // phpcs:ignore WordPress.DB.PreparedSQL -- callers prepare
	}
}

/**
 * The posts whose state is still to be sent: one row a post in the table of options, never loaded with the others.
 * A row is "priority due JSON"; priority 0 is a single change, 1 is one of many. Whoever changes a row changes its
 * bytes, so that what was queued again during an attempt is not removed after it.
 */
final class Queue {

	private const PREFIX = 'gallerywire_queue_';

	/**
	 * Queues posts, in one statement for up to 500. A post that is in the queue keeps what is known of its attempts.
	 *
	 * @param int[]  $post_ids The posts.
	 * @param string $priority '0', or '1' to let other changes pass.
	 */
	public static function add( array $post_ids, string $priority = '0' ): void {
		foreach ( array_chunk( $post_ids, 500 ) as $some ) {
			self::insert( $some, $priority, array(), "CONCAT(LEAST(LEFT(option_value, 12), LEFT(VALUES(option_value), 12)), SUBSTRING(option_value, 13), ' ')" );
		}
	}

	/** Queues a post to be sent even if that state was acknowledged (forced; restored: as a new one), or that is deleted (record). */
	public static function put( int $post_id, string $priority, array $item ): void {
		self::insert( array( $post_id ), $priority, $item, 'VALUES(option_value)' );
	}

	private static function insert( array $post_ids, string $priority, array $item, string $existing ): void {
		global $wpdb;
		$rows = array();
		foreach ( $post_ids as $id ) {
			$rows[] = $wpdb->prepare( '(%s, %s, %s)', self::PREFIX . $id, self::value( $priority, time(), $item ), 'no' );
		}
		if ( $rows ) {
			$wpdb->query( "INSERT INTO $wpdb->options (option_name, option_value, autoload) VALUES " . implode( ', ', $rows ) . " ON DUPLICATE KEY UPDATE option_value = $existing" ); // phpcs:ignore WordPress.DB.PreparedSQL -- prepared above
		}
	}

	private static function value( string $priority, int $due, array $item ): string {
		return sprintf( '%s %010d %s', $priority, $due, wp_json_encode( array( 'token' => wp_generate_uuid4() ) + $item ) );
	}

	/**
	 * The items that are due, single changes first and the oldest of them first. Each is an array with post, priority,
	 * row (its bytes), and what was put, or postponed, with it.
	 *
	 * @param bool $only_single     Leaves out those that are some of many.
	 * @param bool $suspicious_last Those that stopped all others before come after all others.
	 */
	public static function due( int $limit, bool $only_single = false, bool $suspicious_last = false ): array {
		global $wpdb;
		$last = $suspicious_last ? '%' . $wpdb->esc_like( '"suspicious":' ) . '%' : '';
		$sql  = "SELECT option_name, option_value FROM $wpdb->options WHERE option_name LIKE %s AND SUBSTRING(option_value, 3, 10) <= %s AND LEFT(option_value, 1) <= %s ORDER BY IF(option_value LIKE %s, '2', LEFT(option_value, 1)), SUBSTRING(option_value, 3, 10), option_id LIMIT %d";
		$sql  = $wpdb->prepare( $sql, self::like(), sprintf( '%010d', time() ), $only_single ? '0' : '1', $last, $limit ); // phpcs:ignore WordPress.DB.PreparedSQL
		return array_map( array( self::class, 'item' ), $wpdb->get_results( $sql, ARRAY_A ) ); // phpcs:ignore WordPress.DB.PreparedSQL
	}

	/** The item of a post as it is now, or null. */
	public static function item_of( int $post_id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT option_name, option_value FROM $wpdb->options WHERE option_name = %s", self::PREFIX . $post_id ), ARRAY_A );
		return $row ? self::item( $row ) : null;
	}

	private static function item( array $row ): array {
		$known = json_decode( substr( $row['option_value'], 13 ), true );
		return array(
			'post'     => (int) substr( $row['option_name'], strlen( self::PREFIX ) ),
			'priority' => $row['option_value'][0],
			'row'      => $row['option_value'],
		) + ( is_array( $known ) ? $known : array() );
	}

	/** Removes an item, unless it was queued again meanwhile. */
	public static function remove( array $item ): void {
		global $wpdb;
		$wpdb->query( $wpdb->prepare( "DELETE FROM $wpdb->options WHERE option_name = %s AND MD5(option_value) = %s", self::PREFIX . $item['post'], md5( $item['row'] ) ) );
	}

	/** Postpones an item, unless it was queued again meanwhile. Returns its new row. */
	public static function postpone( array $item, int $due, string $error ): string {
		return self::replace( $item, $due, array( 'tries' => ( $item['tries'] ?? 0 ) + 1, 'error' => $error ) );
	}

	/** Marks an item as one that stopped all others, unless it was queued again meanwhile. That counts as no try. */
	public static function suspect( array $item ): void {
		self::replace( $item, time(), array( 'suspicious' => true ) );
	}

	private static function replace( array $item, int $due, array $known ): string {
		global $wpdb;
		$row = self::value( $item['priority'], $due, $known + array_diff_key( $item, array_flip( array( 'post', 'priority', 'row', 'token' ) ) ) );
		$wpdb->query( $wpdb->prepare( "UPDATE $wpdb->options SET option_value = %s WHERE option_name = %s AND MD5(option_value) = %s", $row, self::PREFIX . $item['post'], md5( $item['row'] ) ) );
		return $row;
	}

	public static function length(): int {
		global $wpdb;
		return (int) $wpdb->get_var( $wpdb->prepare( "SELECT COUNT(*) FROM $wpdb->options WHERE option_name LIKE %s", self::like() ) );
	}

	/** When the next item is due; 0: the queue is empty. */
	public static function next_due(): int {
		global $wpdb;
		return (int) $wpdb->get_var( $wpdb->prepare( "SELECT MIN(SUBSTRING(option_value, 3, 10)) FROM $wpdb->options WHERE option_name LIKE %s", self::like() ) );
	}

	/** Up to 50 posts that wait for another attempt. */
	public static function postponed(): array {
		global $wpdb;
		$sql  = "SELECT option_name, option_value FROM $wpdb->options WHERE option_name LIKE %s AND option_value LIKE %s LIMIT 50";
		$rows = $wpdb->get_results( $wpdb->prepare( $sql, self::like(), '%' . $wpdb->esc_like( '"error":' ) . '%' ), ARRAY_A ); // phpcs:ignore WordPress.DB.PreparedSQL
		return array_column( array_map( array( self::class, 'item' ), $rows ), 'post' );
	}

	private static function like(): string {
		global $wpdb;
		return $wpdb->esc_like( self::PREFIX ) . '%';
	}
}

/** At most one process sends at a time. The lock is a row with the time at which it expires. */
final class Lock {

	private const NAME    = 'gallerywire_lock';
	private const SECONDS = 60;

	private $value = '';

	public function acquire(): bool {
		global $wpdb;
		$wpdb->query( $wpdb->prepare( "DELETE FROM $wpdb->options WHERE option_name = %s AND LEFT(option_value, 10) < %s", self::NAME, sprintf( '%010d', time() ) ) );
		$value       = self::fresh();
		$added       = $wpdb->query( $wpdb->prepare( "INSERT IGNORE INTO $wpdb->options (option_name, option_value, autoload) VALUES (%s, %s, 'no')", self::NAME, $value ) );
		$this->value = $added ? $value : '';
		return (bool) $added;
	}

	/** Extends the lock; false if it expired, and another process took it. */
	public function renew(): bool {
		global $wpdb;
		$value       = self::fresh();
		$renewed     = $wpdb->query( $wpdb->prepare( "UPDATE $wpdb->options SET option_value = %s WHERE option_name = %s AND MD5(option_value) = %s", $value, self::NAME, md5( $this->value ) ) );
		$this->value = $renewed ? $value : '';
		return (bool) $renewed;
	}

	public function release(): void {
		global $wpdb;
		$wpdb->query( $wpdb->prepare( "DELETE FROM $wpdb->options WHERE option_name = %s AND MD5(option_value) = %s", self::NAME, md5( $this->value ) ) );
	}

	public static function is_held(): bool {
		global $wpdb;
		return (bool) $wpdb->get_var( $wpdb->prepare( "SELECT 1 FROM $wpdb->options WHERE option_name = %s AND LEFT(option_value, 10) >= %s", self::NAME, sprintf( '%010d', time() ) ) );
	}

	private static function fresh(): string {
		return sprintf( '%010d %s', time() + self::SECONDS, wp_generate_uuid4() );
	}
}

/** Sends what is queued. */
final class Sender {

	public const HOOK   = 'gallerywire_send';
	public const HOURLY = 'gallerywire_check';
	public const PAUSE  = 'gallerywire_pause';

	public const UNFINISHED = 'the process ended while the gallery was built or sent'; // or is still doing it

	private const DELAYS = array( 1, 2, 5, 15 ); // minutes

	/** After the last change of a request: at once, if nobody has to wait for it. */
	public static function at_shutdown(): void {
		$detached = self::let_the_editor_go();
		$send     = static function () use ( $detached ) {
			$pause = get_option( self::PAUSE );
			self::schedule( time() + MINUTE_IN_SECONDS ); // in case that this process is ended
			if ( $detached || empty( $pause['slow'] ) ) {
				self::drain( $detached ? 20 : 3, $detached ? 5 : 2, ! $detached && ! is_closed_site() );
			} else {
				self::schedule();
			}
		};
		foreach ( Watch::changed_sites() as $site ) {
			on_site( $site, $send );
		}
	}

	/** Ends the answer to the browser; false where PHP cannot do so before the script ends. */
	private static function let_the_editor_go(): bool {
		ignore_user_abort( true );
		if ( PHP_SESSION_ACTIVE === session_status() ) {
			session_write_close();
		}
		if ( function_exists( 'fastcgi_finish_request' ) ) {
			return fastcgi_finish_request();
		}
		if ( function_exists( 'litespeed_finish_request' ) ) {
			return litespeed_finish_request();
		}
		return false;
	}

	/** With a number the main site of a network sends for that closed one. */
	public static function at_cron( $site = 0 ): void {
		if ( $site && get_current_blog_id() !== (int) $site ) {
			if ( get_site( (int) $site ) ) { // else it was deleted since
				on_site( (int) $site, array( self::class, 'at_cron' ) );
			}
			return;
		}
		$pause = get_option( self::PAUSE );
		if ( is_array( $pause ) && $pause['until'] > time() ) {
			self::schedule();
			return;
		}
		self::schedule( time() + MINUTE_IN_SECONDS ); // in case that this process is ended
		self::drain( 25, 15 );
	}

	/**
	 * Sends until nothing is due, the time is over, or gallerywire cannot take more now.
	 *
	 * @return int How many posts were dealt with.
	 */
	public static function drain( int $seconds, int $timeout, bool $only_single = false, ?callable $progress = null ): int {
		$end  = microtime( true ) + $seconds;
		$done = 0;
		if ( '' !== Settings::moved() ) {
			return $done;
		}
		$lock = new Lock();
		do { // once more after the release: what was queued just before it found the lock taken
			if ( ! $lock->acquire() ) {
				break;
			}
			$goes_on = self::drain_locked( $lock, $end, $timeout, $only_single, $done, $progress );
			$lock->release();
		} while ( $goes_on && Queue::due( 1, $only_single ) );
		self::schedule();
		return $done;
	}

	private static function drain_locked( Lock $lock, float $end, int $timeout, bool $only_single, int &$done, ?callable $progress ): bool {
		$reached = false; // gallerywire itself has answered
		while ( true ) {
			$items = Queue::due( 20, $only_single, ! $reached );
			if ( ! $items ) {
				return true;
			}
			foreach ( $items as $item ) {
				if ( microtime( true ) >= $end || ! $lock->renew() ) {
					return false;
				}
				$item = Queue::item_of( $item['post'] ); // it may have been queued again
				if ( $item && ! self::deliver( $item, $lock, $timeout, $reached ) ) {
					return false;
				}
				++$done;
				if ( $progress ) {
					$progress( $done );
				}
			}
		}
	}

	/** Sends one post; as deleted, if it is (another plugin may have prevented it). False: gallerywire cannot take anything now. */
	private static function deliver( array $item, Lock $lock, int $timeout, bool &$reached ): bool {
		self::forget_caches( $item['post'] );
		$later       = time() + self::delay( $item['tries'] ?? 0 );
		$item['row'] = Queue::postpone( $item, $later, self::UNFINISHED ); // else it would be the first one again, for ever
		try {
			$post   = get_post( $item['post'] );
			$record = isset( $item['record'] ) && ! $post ? Record::from( $item['record'] ) : Record::of( $item['post'] );
			$event  = self::event( $item, $lock, $record, $post );
			$answer = $event ? Answer::to( $event, $timeout ) : null;
		} catch ( \Throwable $e ) { // of another plugin's filter, for example
			Queue::postpone( $item, $later, 'the gallery cannot be built: ' . $e->getMessage() );
			return true;
		}
		if ( null === $answer ) {
			Queue::remove( $item );
			return true;
		}
		if ( $answer->is_temporary() ) {
			return self::retry_later( $item, $answer, $reached );
		}
		$reached = true;
		delete_option( self::PAUSE );
		if ( $answer->accepted() ) {
			update_option( 'gallerywire_acknowledged', time(), false );
			$record->shown = 'article.published' === $event['type'];
		}
		$record->accepted = $answer->accepted();
		$record->problems = $answer->problems();
		if ( $post ) {
			$record->save( $item['post'] );
		}
		Queue::remove( $item );
		return true;
	}

	/** The event of a post's present state; null: gallerywire knows it. Its version is stored before it is sent. */
	private static function event( array $item, Lock $lock, Record $record, ?\WP_Post $post ): ?array {
		if ( $post ) {
			self::watch_parts( $record, $post );
		}
		$gallery = $post ? Gallery::of( $post, $record->guid ) : null;
		if ( ! $lock->renew() ) { // building took longer than the lock lasts
			throw new \RuntimeException( 'another process sends it' );
		}
		$json = wp_json_encode( $gallery );
		if ( false === $json ) {
			throw new \UnexpectedValueException( json_last_error_msg() );
		}
		$hash     = $gallery ? md5( $json ) : 'taken down';
		$known    = $gallery ? $record->accepted && $record->hash === $hash : ! $record->shown;
		$restored = $post && ! empty( $item['restored'] );
		if ( $known && ! $restored && ( empty( $item['forced'] ) || ! $record->version ) ) {
			return null;
		}
		if ( ! $post ) {
			$record->updated = max( min( $record->updated, time() + Record::AHEAD ), (int) ( $item['deleted'] ?? time() ) );
			++$record->version;
		} elseif ( $restored || $record->hash !== $hash || $record->updated > time() + Record::AHEAD ) {
			$record->advance( $hash, $restored ? null : $post );
		}
		if ( $post ) {
			$record->shown = $record->shown || $gallery;
			$record->save( $post->ID );
		}
		$id    = $gallery ? $gallery['id'] : $record->gallery;
		$state = array( 'id' => $id, 'updated' => instant( $record->updated ), 'version' => $record->version );
		return array(
			'specversion'     => '1.0',
			'id'              => $id . '/' . $record->version . '/' . $record->updated,
			'source'          => home_url( '/' ),
			'type'            => $gallery ? 'article.published' : 'article.unpublished',
			'time'            => instant( $record->updated ),
			'datacontenttype' => 'application/json',
			'data'            => $state + ( $gallery ? $gallery : array() ),
		);
	}

	/**
	 * Stores, before the gallery is built, what it is made of: whoever changes a caption or the name of a category
	 * from now on finds this post, and what was changed until now is in what is built.
	 */
	private static function watch_parts( Record $record, \WP_Post $post ): void {
		$pictures = Gallery::is_public( $post ) ? Pictures::of( $post ) : array();
		$images   = array_values( array_filter( array_map( 'intval', array_column( $pictures, 'id' ) ) ) );
		if ( 0 === $record->version ) {
			$record->guid = 'publish' === $post->post_status && Gallery::published( $post ) < Settings::guids_before();
		} elseif ( $images === $record->images ) {
			return;
		}
		$record->use_images( $post->ID, $images );
		$record->save( $post->ID );
		self::forget_caches( $post->ID );
	}

	/** Other processes write too: read what is stored, not what this process remembers of it. */
	public static function forget_caches( int $post_id = 0 ): void {
		if ( ! function_exists( 'wp_cache_supports' ) || wp_cache_supports( 'flush_runtime' ) ) {
			wp_cache_flush_runtime();
		}
		wp_cache_delete( $post_id, 'posts' );
		wp_cache_delete( $post_id, 'post_meta' );
	}

	/**
	 * A fault of one post lets the others pass, and so does any other one right after gallerywire itself answered: a
	 * firewall may drop the connection of one post. Else all stop, for a time that grows, and then others go first.
	 */
	private static function retry_later( array $item, Answer $answer, bool &$reached ): bool {
		if ( $reached || $answer->is_about_one() ) {
			$reached = $reached && $answer->is_about_one();
			Queue::postpone( $item, time() + self::delay( $item['tries'] ?? 0 ), $answer->reason() );
			return true;
		}
		Queue::suspect( $item );
		$pause = get_option( self::PAUSE );
		$tries = is_array( $pause ) ? $pause['tries'] : 0;
		$until = is_array( $pause ) ? $pause['until'] : 0;
		if ( $until <= time() ) { // else an attempt before its time, which must not make it longer
			$until = time() + max( self::delay( $tries ), min( $answer->retry_after(), HOUR_IN_SECONDS ) );
			++$tries;
		}
		update_option( self::PAUSE, array( 'tries' => $tries, 'until' => $until, 'error' => $answer->reason(), 'at' => time(), 'slow' => $answer->slow ), false );
		return false;
	}

	private static function delay( int $tries ): int {
		return self::DELAYS[ min( $tries, count( self::DELAYS ) - 1 ) ] * MINUTE_IN_SECONDS;
	}

	/** Lets WP-Cron continue with what is queued: of a closed site that of the main one. */
	public static function schedule( int $not_before = 0 ): void {
		$due   = '' === Settings::moved() ? Queue::next_due() : 0;
		$pause = get_option( self::PAUSE );
		$when  = max( time(), $not_before, $due, is_array( $pause ) ? $pause['until'] : 0 );
		$args  = is_closed_site() ? array( get_current_blog_id() ) : array();
		if ( 0 === $due ) {
			delete_option( self::PAUSE );
		}
		$set = static function () use ( $due, $when, $args ) {
			if ( $due && wp_next_scheduled( self::HOOK, $args ) === $when ) {
				return;
			}
			wp_clear_scheduled_hook( self::HOOK, $args ); // WordPress drops a second one within ten minutes
			if ( $due ) {
				wp_schedule_single_event( $when, self::HOOK, $args );
			}
		};
		on_site( $args ? get_main_site_id() : get_current_blog_id(), $set );
	}

	/** In case that a process ended between the end of a site and its hook. */
	public static function schedule_closed_sites(): void {
		global $wpdb;
		$closed = is_multisite() && is_main_site() ? $wpdb->get_col( "SELECT blog_id FROM $wpdb->blogs WHERE archived = '1' OR spam = 1 OR deleted = 1" ) : array();
		foreach ( $closed as $site ) {
			on_site( (int) $site, array( self::class, 'schedule' ) );
		}
	}
}

/** What gallerywire answered to an event. */
final class Answer {

	public $slow = false; // an editor would notice the wait

	private $status      = 0; // 0: there was no answer
	private $error       = '';
	private $document    = array(); // of application/problem+json
	private $retry_after = 0;

	public static function to( array $event, int $timeout ): self {
		$answer = new self();
		$began  = microtime( true );
		$key    = Settings::key();
		if ( '' === $key ) {
			$answer->error = 'there is no key: set GALLERYWIRE_KEY_FILE, and let the web server read the file';
			return $answer;
		}
		$connect = static function ( &$url, &$headers, &$data, &$type, &$options ) use ( $timeout ) {
			$options['connect_timeout'] = $timeout; // without curl, WordPress' timeout does not cover the connection
		};
		add_action( 'requests-requests.before_request', $connect, 10, 5 );
		$response = wp_remote_post(
			Settings::url() . '/events',
			array(
				'timeout'     => $timeout,
				'redirection' => 0,
				'headers'     => array( 'Authorization' => 'Bearer ' . $key, 'Content-Type' => 'application/cloudevents+json; charset=utf-8' ),
				'body'        => wp_json_encode( $event, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE ),
			)
		);
		remove_action( 'requests-requests.before_request', $connect, 10 );
		$answer->read( $response );
		$answer->slow = microtime( true ) - $began > 1;
		return $answer;
	}

	private function read( $response ): void {
		if ( is_wp_error( $response ) ) {
			$this->error = $response->get_error_message();
			return;
		}
		$this->status      = (int) wp_remote_retrieve_response_code( $response );
		$this->retry_after = (int) wp_remote_retrieve_header( $response, 'retry-after' );
		$is_problem        = 0 === strpos( (string) wp_remote_retrieve_header( $response, 'content-type' ), 'application/problem+json' );
		$document          = $is_problem ? json_decode( wp_remote_retrieve_body( $response ), true ) : null;
		$this->document    = is_array( $document ) ? $document : array();
	}

	public function accepted(): bool {
		return 202 === $this->status;
	}

	/**
	 * The same event may be accepted later. Everything but an acknowledgement and a refusal by gallerywire itself is
	 * temporary: proxies and firewalls have each status too.
	 */
	public function is_temporary(): bool {
		$about   = in_array( $this->status, array( 400, 415 ), true ) || ( ! empty( $this->document['problems'] ) && 403 !== $this->status );
		$refused = $this->document && $about && $this->status >= 400 && $this->status < 500;
		return ! $this->accepted() && ! $refused;
	}

	/** The fault lies in this event, and others may be accepted. */
	public function is_about_one(): bool {
		return in_array( $this->status, array( 400, 403, 406, 413, 415, 422, 500 ), true );
	}

	public function retry_after(): int {
		return $this->retry_after;
	}

	/** Why the event is refused for good: arrays with place and reason. */
	public function problems(): array {
		if ( $this->accepted() ) {
			return array();
		}
		$problems = array();
		foreach ( (array) ( $this->document['problems'] ?? array() ) as $problem ) {
			if ( is_array( $problem ) ) {
				$problems[] = array( 'place' => (string) ( $problem['place'] ?? '' ), 'reason' => (string) ( $problem['reason'] ?? '' ) );
			}
		}
		return $problems ? array_slice( $problems, 0, 20 ) : array( array( 'place' => '', 'reason' => $this->reason() ) );
	}

	public function reason(): string {
		if ( 0 === $this->status ) {
			return $this->error;
		}
		$detail = $this->document['detail'] ?? $this->document['title'] ?? ( 404 === $this->status ? 'check GALLERYWIRE_URL, and that gallerywire has a key in intake.keys' : '' );
		return 'gallerywire answers ' . $this->status . ( is_string( $detail ) && '' !== $detail ? ': ' . $detail : '' );
	}
}

/** Which posts a change in WordPress concerns. */
final class Watch {

	private static $sites    = array(); // with something new in the queue, since this request began
	private static $deleting = array(); // post => what the queue must know of it
	private static $orphans  = array(); // attachment => the posts that showed it, until it is deleted

	/** Meta fields of an attachment that a slide shows. */
	private const PICTURE_FIELDS = array( '_wp_attached_file', '_wp_attachment_metadata', '_wp_attachment_image_alt' );

	public static function start(): void {
		add_action( 'wp_after_insert_post', array( self::class, 'post' ) );
		add_action( 'transition_post_status', array( self::class, 'status' ), 10, 3 );
		add_action( 'before_delete_post', array( self::class, 'before_delete' ) );
		add_action( 'deleted_post', array( self::class, 'deleted' ) );
		add_action( 'set_object_terms', array( self::class, 'post' ) );
		add_action( 'deleted_term_relationships', array( self::class, 'post' ) );
		foreach ( array( 'added_post_meta', 'updated_post_meta', 'deleted_post_meta' ) as $hook ) {
			add_action( $hook, array( self::class, 'meta' ), 10, 3 );
		}
		add_action( 'add_attachment', array( self::class, 'attachment' ) );
		add_action( 'attachment_updated', array( self::class, 'attachment_updated' ), 10, 3 );
		add_action( 'wp_media_attach_action', array( self::class, 'attached' ), 10, 3 );
		add_action( 'delete_attachment', array( self::class, 'before_delete_attachment' ) );
		add_action( 'edited_term', array( self::class, 'term' ), 10, 2 );
		add_action( 'delete_term', array( self::class, 'deleted_term' ), 10, 5 );
		add_action( 'profile_update', array( self::class, 'author' ), 10, 2 );
		add_action( 'deleted_user', array( self::class, 'deleted_author' ), 10, 2 );
		add_action( 'remove_user_from_blog', array( self::class, 'leaving_author' ), 10, 3 );
		foreach ( array( 'permalink_structure_changed', 'update_option_home', 'update_option_siteurl', 'add_option_WPLANG', 'update_option_WPLANG' ) as $hook ) {
			add_action( $hook, array( self::class, 'everything' ) );
		}
		foreach ( array( 'archive_blog', 'unarchive_blog', 'make_spam_blog', 'make_ham_blog', 'make_delete_blog', 'make_undelete_blog' ) as $hook ) {
			add_action( $hook, array( self::class, 'site' ) );
		}
		add_action( 'wp_uninitialize_site', array( self::class, 'before_delete_site' ), 5 );
		add_action( 'shutdown', array( self::class, 'end' ), PHP_INT_MAX );
	}

	public static function changed_sites(): array {
		return array_keys( self::$sites );
	}

	public static function end(): void {
		if ( self::$sites ) {
			Sender::at_shutdown();
			self::$sites = array();
		}
	}

	/** Queues a post that has a gallery, or of which one was sent, or is just being sent. */
	public static function post( $post_id ): void {
		$post = self::is_import() || isset( self::$deleting[ $post_id ] ) ? null : get_post( (int) $post_id );
		if ( $post && ( self::concerns( $post ) || Queue::item_of( $post->ID ) ) ) {
			self::$sites[ get_current_blog_id() ] = true;
			Queue::add( array( $post->ID ) );
		}
	}

	/** Imports send nothing, so that an archive does not arrive in pieces: send everything after it. */
	private static function is_import(): bool {
		return defined( 'WP_IMPORTING' ) && WP_IMPORTING;
	}

	/** The post has a gallery that is public, or (hidden) any, or something of it was sent. */
	public static function concerns( \WP_Post $post, bool $hidden = false ): bool {
		try {
			return Record::of( $post->ID )->version > 0 || ( ( $hidden || Gallery::is_public( $post ) ) && Pictures::of( $post ) );
		} catch ( \Throwable $e ) { // the save goes on, and the sender says what is wrong
			return true;
		}
	}

	public static function status( $now, $before, $post ): void {
		if ( $now !== $before ) {
			self::post( $post->ID );
		}
	}

	/**
	 * A deletion takes along what was sent, which dies with the post. Another process may be sending it right now:
	 * the take-down follows, and is a second later than all that was built before.
	 */
	public static function before_delete( $post_id ): void {
		wp_cache_delete( $post_id, 'post_meta' );
		$record = Record::of( (int) $post_id );
		$post   = get_post( (int) $post_id );
		if ( ! $record->shown && ! Queue::item_of( (int) $post_id ) && ! ( $post && Gallery::is_public( $post ) && self::concerns( $post ) ) ) {
			return;
		}
		$record->gallery = Settings::gallery_id( (int) $post_id );
		$record->shown   = true;

		self::$sites[ get_current_blog_id() ] = true;
		self::$deleting[ $post_id ]           = array( 'record' => get_object_vars( $record ), 'deleted' => time() + 1 );
		Queue::put( (int) $post_id, '0', self::$deleting[ $post_id ] );
	}

	public static function deleted( $post_id ): void {
		if ( isset( self::$deleting[ $post_id ] ) ) {
			Queue::put( (int) $post_id, '0', self::$deleting[ $post_id ] );
			Record::from( self::$deleting[ $post_id ]['record'] )->use_images( (int) $post_id, array() );
		}
		foreach ( self::$orphans[ $post_id ] ?? array() as $id ) {
			self::post( $id );
		}
		unset( self::$deleting[ $post_id ], self::$orphans[ $post_id ] );
	}

	public static function meta( $meta_id, $post_id, $field ): void {
		if ( '_thumbnail_id' === $field ) {
			self::post( $post_id );
		} elseif ( in_array( $field, self::PICTURE_FIELDS, true ) ) {
			self::attachment( $post_id );
		}
	}

	/** The posts that show an attachment, and the one to which it is attached. */
	public static function attachment( $id ): void {
		$attachment = get_post( (int) $id );
		if ( $attachment && $attachment->post_parent ) {
			self::post( $attachment->post_parent );
		}
		foreach ( Record::posts_with_image( (int) $id ) as $post_id ) {
			self::post( $post_id );
		}
	}

	public static function attachment_updated( $id, $after, $before ): void {
		self::attachment( $id );
		if ( $before->post_parent && $before->post_parent !== $after->post_parent ) {
			self::post( $before->post_parent );
		}
	}

	/** The media library attaches, or detaches, pictures past the other hooks. */
	public static function attached( $action, $id, $parent ): void {
		self::post( $parent );
	}

	public static function before_delete_attachment( $id ): void {
		$attachment           = get_post( (int) $id );
		self::$orphans[ $id ] = array_filter( array_merge( Record::posts_with_image( (int) $id ), array( $attachment ? $attachment->post_parent : 0 ) ) );
	}

	public static function term( $term_id, $tt_id ): void {
		global $wpdb;
		self::many( $wpdb->prepare( "p.ID IN (SELECT object_id FROM $wpdb->term_relationships WHERE term_taxonomy_id = %d)", $tt_id ) );
	}

	public static function deleted_term( $term_id, $tt_id, $taxonomy, $term, $post_ids ): void {
		foreach ( array_chunk( array_map( 'intval', (array) $post_ids ), 500 ) as $some ) {
			self::many( 'p.ID IN (' . implode( ', ', $some ) . ')' );
		}
	}

	public static function author( $user_id, $before ): void {
		$after = get_userdata( (int) $user_id );
		$same  = $after && array( $after->display_name, $after->user_nicename ) === array( $before->display_name, $before->user_nicename );
		foreach ( $same ? array() : get_blogs_of_user( (int) $user_id ) as $site ) {
			$queue = static function () use ( $user_id ) {
				self::posts_of( $user_id );
			};
			on_site( (int) $site->userblog_id, $queue );
		}
	}

	/** WordPress has given the posts of a deleted author to another one. */
	public static function deleted_author( $user_id, $heir ): void {
		self::posts_of( $heir );
	}

	/** WordPress is about to give the posts of an author who leaves a site of a network to another one. */
	public static function leaving_author( $user_id, $site, $heir ): void {
		self::posts_of( $heir ? $user_id : 0 );
	}

	private static function posts_of( $author ): void {
		global $wpdb;
		if ( $author ) {
			self::many( $wpdb->prepare( 'p.post_author = %d', $author ) );
		}
	}

	/**
	 * What was changed or published lately, in case that a process ended between a change and its hook; and what is
	 * shown though its type is no longer one of the settings. An imported archive was published long ago.
	 */
	public static function catch_up(): void {
		global $wpdb;
		$types = implode( "', '", array_map( 'esc_sql', Settings::post_types() ) );
		self::many( "p.post_type NOT IN ('$types') AND m.meta_value LIKE '%s:5:\"shown\";b:1;%'" );
		$since = gmdate( 'Y-m-d H:i:s', time() - 2 * HOUR_IN_SECONDS );
		self::many( $wpdb->prepare( 'p.post_modified_gmt >= %s', $since ) );
		$published = $wpdb->prepare( "SELECT ID FROM $wpdb->posts WHERE post_type IN ('$types') AND post_modified_gmt >= %s AND post_date_gmt >= %s", $since, $since ); // phpcs:ignore WordPress.DB.PreparedSQL
		array_map( array( self::class, 'post' ), $wpdb->get_col( $published ) ); // phpcs:ignore WordPress.DB.PreparedSQL
	}

	/** All addresses have changed, or the language. */
	public static function everything(): void {
		self::many( '1 = 1' );
	}

	/** A site of a network is archived, or no longer. */
	public static function site( $id ): void {
		on_site( (int) $id, array( self::class, 'everything' ) );
	}

	/** A site of a network is deleted, and its queue with it: its galleries are taken down now, as far as time allows. */
	public static function before_delete_site( $site ): void {
		add_filter( 'gallerywire_gallery', '__return_null', PHP_INT_MAX );
		$take_down = static function () {
			self::everything();
			Sender::drain( 20, 5 );
		};
		on_site( (int) $site->blog_id, $take_down );
		remove_filter( 'gallerywire_gallery', '__return_null', PHP_INT_MAX );
		unset( self::$sites[ (int) $site->blog_id ] );
	}

	/** Queues what was sent and may have changed; each is compared with what was sent before it is sent again. */
	private static function many( string $condition ): void {
		$ids = self::is_import() ? array() : Record::posts_where( $condition );
		if ( $ids ) {
			self::$sites[ get_current_blog_id() ] = true;
			Queue::add( $ids, count( $ids ) > 20 ? '1' : '0' );
		}
	}
}

/** Every gallery that there is, for a new gallerywire or after an import. */
final class Archive {

	/**
	 * Queues the galleries among the next posts.
	 *
	 * @param int    $after    The last post of the batch before; 0: begin.
	 * @param bool   $restored gallerywire may know newer states than this database, which shall not stand: each gallery
	 *                         gets a new version, and what is not public is taken down, whether it was sent or not.
	 * @param string $since    Only posts modified since this time (GMT); empty: all.
	 * @return array           last (post looked at; 0: there are no more) and queued (post numbers).
	 */
	public static function queue( int $after, bool $restored, string $since = '', bool $dry_run = false, int $limit = 200 ): array {
		global $wpdb;
		$types = implode( ', ', array_fill( 0, count( Settings::post_types() ), '%s' ) );
		$sent  = "SELECT post_id FROM $wpdb->postmeta WHERE meta_key = '" . Record::FIELD . "'";
		$sql   = "SELECT ID FROM $wpdb->posts WHERE (post_type IN ($types) OR ID IN ($sent)) AND post_status <> 'auto-draft' AND ID > %d AND post_modified_gmt >= %s ORDER BY ID LIMIT %d";
		$ids   = $wpdb->get_col( $wpdb->prepare( $sql, array_merge( Settings::post_types(), array( $after, '' === $since ? '0000-00-00 00:00:00' : $since, $limit ) ) ) ); // phpcs:ignore WordPress.DB.PreparedSQL, WordPress.DB.PreparedSQLPlaceholders
		_prime_post_caches( $ids, false, true );
		$queued = array();
		foreach ( array_map( 'intval', $ids ) as $id ) {
			$post = get_post( $id );
			if ( $post && Watch::concerns( $post, $restored ) ) {
				$queued[] = $id;
				if ( ! $dry_run ) {
					Queue::put( $id, '1', array( 'forced' => true, 'restored' => $restored ) );
				}
			}
		}
		return array( 'last' => (int) end( $ids ), 'queued' => $queued );
	}
}

/** What editors and administrators see. */
final class Screen {

	private const PAGE = 'gallerywire';

	public static function start(): void {
		add_action( 'admin_menu', array( self::class, 'menu' ) );
		add_action( 'wp_ajax_gallerywire_send_all', array( self::class, 'send_all' ) );
		add_action( 'admin_notices', array( self::class, 'notice' ) );
		add_action( 'enqueue_block_editor_assets', array( self::class, 'block_editor_notice' ) );
		add_filter( 'display_post_states', array( self::class, 'post_state' ), 10, 2 );
		add_filter( 'site_status_tests', array( self::class, 'site_health' ) );
	}

	public static function menu(): void {
		add_management_page( 'gallerywire', 'gallerywire', 'manage_options', self::PAGE, array( self::class, 'page' ) );
	}

	/** The state, as label => text. */
	public static function state(): array {
		$pause  = get_option( Sender::PAUSE );
		$last   = (int) get_option( 'gallerywire_acknowledged' );
		$length = Queue::length();
		$state  = array(
			'Address'           => '' === Settings::url() ? 'not set: define GALLERYWIRE_URL in wp-config.php' : Settings::url(),
			'Key'               => '' === Settings::key() ? 'missing: set GALLERYWIRE_KEY_FILE, and let the web server read the file' : 'set',
			'Ids of galleries'  => Settings::gallery_id( 1 ) . ', ' . Settings::gallery_id( 2 ) . ' …',
			'Queue'             => $length . ( 1 === $length ? ' post' : ' posts' ),
			'Last acknowledged' => $last ? wp_date( 'Y-m-d H:i:s', $last ) : 'never',
		);
		if ( '' !== Settings::url() && '' !== Settings::moved() ) {
			$state['Stopped'] = Settings::moved();
		}
		if ( is_array( $pause ) ) {
			$state['Last error']   = wp_date( 'Y-m-d H:i:s', $pause['at'] ) . ': ' . $pause['error'];
			$state['Next attempt'] = wp_date( 'Y-m-d H:i:s', $pause['until'] );
		}
		return $state;
	}

	/** Posts with something to say about them: number => sentences. */
	public static function troubles(): array {
		$troubles = array();
		foreach ( array_merge( Queue::postponed(), array_slice( Record::posts_where( "m.meta_value LIKE '%\"reason\"%'" ), 0, 50 ) ) as $id ) {
			$troubles[ $id ] = array_merge( self::failure( (int) $id ), self::problems( (int) $id ) );
		}
		return array_filter( $troubles );
	}

	/** Why the last attempt to send a post failed, as a list with a sentence; empty: it did not, or it is still going on. */
	private static function failure( int $post_id ): array {
		$error = Queue::item_of( $post_id )['error'] ?? '';
		return '' === $error || ( Sender::UNFINISHED === $error && Lock::is_held() ) ? array() : array( 'Waits for another attempt: ' . $error );
	}

	/** Why a post was refused, each problem a sentence. */
	private static function problems( int $post_id ): array {
		return array_map(
			static function ( $problem ) {
				$place = preg_replace( '~^/(data/)?~', '', $problem['place'] );
				return ( '' === $place ? '' : $place . ': ' ) . $problem['reason'];
			},
			Record::of( $post_id )->problems
		);
	}

	public static function page(): void {
		if ( isset( $_POST['gallerywire_home'] ) && check_admin_referer( 'gallerywire_home' ) ) {
			Settings::confirm_home();
		}
		echo '<div class="wrap"><h1>gallerywire</h1><table class="widefat striped" style="max-width:60em"><tbody>';
		foreach ( self::state() as $label => $text ) {
			echo '<tr><th scope="row">', esc_html( $label ), '</th><td>', esc_html( $text ), '</td></tr>';
		}
		echo '</tbody></table>';
		if ( '' !== Settings::url() && '' !== Settings::moved() && ! Settings::has_fixed_home() ) {
			echo '<form method="post"><p>', wp_nonce_field( 'gallerywire_home', '_wpnonce', true, false ), '<button class="button" name="gallerywire_home" value="1">This is the site itself, and no copy: send from here</button></p></form>';
		}
		$troubles = self::troubles();
		if ( $troubles ) {
			echo '<h2>Galleries that need attention</h2><ul class="ul-disc">';
			foreach ( $troubles as $id => $sentences ) {
				$title = get_the_title( $id );
				echo '<li><a href="', esc_url( (string) get_edit_post_link( $id ) ), '">', esc_html( '' === $title ? '#' . $id : wp_strip_all_tags( $title ) ), '</a>: ', esc_html( implode( '; ', $sentences ) ), '</li>';
			}
			echo '</ul>';
		}
		echo '<h2>Send everything</h2><p>For a new gallerywire, and after an import. What it has already is not shown twice.</p>';
		echo '<p><label><input type="checkbox" id="gallerywire-restored"> WordPress was restored from a backup: its state replaces a newer one that gallerywire knows.</label></p>';
		echo '<p><button type="button" class="button button-primary" id="gallerywire-send">Send everything</button> <progress id="gallerywire-progress" hidden></progress> <span id="gallerywire-text" role="status"></span></p></div>';
		$data = array( 'url' => admin_url( 'admin-ajax.php' ), 'nonce' => wp_create_nonce( 'gallerywire_send_all' ) );
		wp_print_inline_script_tag( 'const gallerywire = ' . wp_json_encode( $data, JSON_HEX_TAG | JSON_HEX_AMP ) . ';' . self::SCRIPT );
	}

	private const SCRIPT = <<<'JS'

document.getElementById( 'gallerywire-send' ).addEventListener( 'click', async ( event ) => {
	const button = event.target, bar = document.getElementById( 'gallerywire-progress' ), text = document.getElementById( 'gallerywire-text' );
	const restored = document.getElementById( 'gallerywire-restored' ).checked ? '1' : '';
	button.disabled = true;
	bar.hidden = false;
	try {
		for ( let after = 0, queued = 0, state = {}; ! state.done; after = state.after ) {
			const response = await fetch( gallerywire.url, { method: 'POST', body: new URLSearchParams( { action: 'gallerywire_send_all', _ajax_nonce: gallerywire.nonce, after, restored } ) } );
			if ( ! response.ok ) {
				throw new Error( response.status + ' ' + response.statusText );
			}
			state = await response.json();
			queued += state.queued;
			bar.max = Math.max( 1, queued, state.waiting );
			bar.value = state.after < 0 ? bar.max - state.waiting : 0;
			await new Promise( ( resolve ) => setTimeout( resolve, state.after < 0 ? 500 : 0 ) );
			text.textContent = state.error ? state.error : queued + ' galleries found, ' + state.waiting + ' still to be sent';
		}
	} catch ( error ) {
		text.textContent = 'Interrupted, and continued in the background: ' + error.message;
	}
	button.disabled = false;
} );
JS;

	/** One step of the button: first all posts are queued, then they are sent (after is -1). */
	public static function send_all(): void {
		check_ajax_referer( 'gallerywire_send_all' );
		if ( ! current_user_can( 'manage_options' ) || '' === Settings::url() ) {
			wp_send_json( array( 'error' => 'not allowed, or not configured' ), 403 );
		}
		if ( '' !== Settings::moved() ) {
			wp_send_json( array( 'after' => -1, 'queued' => 0, 'waiting' => Queue::length(), 'error' => Settings::moved(), 'done' => true ) );
		}
		$after = isset( $_POST['after'] ) ? (int) $_POST['after'] : 0;
		if ( $after >= 0 ) {
			$batch = Archive::queue( $after, ! empty( $_POST['restored'] ) );
			Sender::schedule();
			wp_send_json( array( 'after' => $batch['last'] ? $batch['last'] : -1, 'queued' => count( $batch['queued'] ), 'waiting' => Queue::length(), 'done' => false ) );
		}
		Sender::drain( 4, 5 );
		$pause   = get_option( Sender::PAUSE );
		$waiting = Queue::length();
		$error   = is_array( $pause ) ? $waiting . ' still to be sent, which goes on in the background: ' . $pause['error'] : '';
		wp_send_json( array( 'after' => -1, 'queued' => 0, 'waiting' => $waiting, 'error' => $error, 'done' => '' !== $error || ! Queue::due( 1 ) ) );
	}

	/** What the editor of a post reads that is refused, or cannot be sent; else an empty string. */
	private static function complaint( ?\WP_Post $post ): string {
		if ( ! $post || ! current_user_can( 'edit_post', $post->ID ) ) {
			return '';
		}
		$sentences = self::failure( $post->ID );
		$problems  = self::problems( $post->ID );
		if ( $problems ) {
			$sentences[] = 'gallerywire refused it: ' . implode( '; ', $problems );
		}
		return $sentences ? 'This gallery is not in the feeds as you see it. ' . implode( '. ', $sentences ) : '';
	}

	public static function notice(): void {
		$screen = get_current_screen();
		$text   = $screen && 'post' === $screen->base ? self::complaint( get_post() ) : '';
		if ( '' !== $text ) {
			echo '<div class="notice notice-error"><p>', esc_html( $text ), '</p></div>';
		}
	}

	public static function block_editor_notice(): void {
		$text = self::complaint( get_post() );
		if ( '' !== $text ) {
			$call = 'wp.domReady( () => wp.data.dispatch( "core/notices" ).createErrorNotice( ' . wp_json_encode( $text, JSON_HEX_TAG | JSON_HEX_AMP ) . ', { id: "gallerywire" } ) );';
			wp_add_inline_script( 'wp-edit-post', $call );
		}
	}

	public static function post_state( $states, $post ): array {
		if ( Record::of( $post->ID )->problems ) {
			$states['gallerywire'] = 'Refused by gallerywire';
		} elseif ( self::failure( $post->ID ) ) {
			$states['gallerywire'] = 'Waits for gallerywire';
		}
		return $states;
	}

	public static function site_health( $tests ): array {
		$tests['direct']['gallerywire'] = array( 'label' => 'gallerywire', 'test' => array( self::class, 'health' ) );
		return $tests;
	}

	public static function health(): array {
		$pause    = get_option( Sender::PAUSE );
		$sentence = 'Every gallery is acknowledged, or was queued just now.';
		$status   = 'good';
		if ( '' === Settings::url() || '' === Settings::key() ) {
			list( $status, $sentence ) = array( 'critical', 'The address or the key is missing. See Tools, gallerywire.' );
		} elseif ( '' !== Settings::moved() ) {
			list( $status, $sentence ) = array( 'critical', Settings::moved() );
		} elseif ( is_array( $pause ) ) {
			list( $status, $sentence ) = array( 'critical', Queue::length() . ' posts wait: ' . $pause['error'] );
		} elseif ( self::troubles() ) {
			list( $status, $sentence ) = array( 'recommended', 'Galleries were refused, or cannot be sent. See Tools, gallerywire.' );
		} elseif ( 'https' !== wp_parse_url( Settings::url(), PHP_URL_SCHEME ) && ! preg_match( '~^http://(127\.|localhost|\[::1\])~', Settings::url() ) ) {
			list( $status, $sentence ) = array( 'recommended', 'GALLERYWIRE_URL has no https: the key can be read on its way.' );
		}
		return array(
			'label'       => 'good' === $status ? 'Galleries reach gallerywire' : 'Galleries may not reach gallerywire',
			'status'      => $status,
			'badge'       => array( 'label' => 'gallerywire', 'color' => 'blue' ),
			'description' => '<p>' . esc_html( $sentence ) . '</p>',
			'actions'     => '',
			'test'        => 'gallerywire',
		);
	}
}

/** Sends galleries to gallerywire, and says what waits. */
final class Command {

	/**
	 * Sends the gallery of every post.
	 *
	 * ## OPTIONS
	 *
	 * [--since=<time>]
	 * : Only posts modified since this time (GMT), such as 2026-11-29 or "2 days ago".
	 *
	 * [--restored]
	 * : WordPress was restored from a backup: its state replaces a newer one that gallerywire knows.
	 *
	 * [--dry-run]
	 * : Print the posts, and send nothing.
	 *
	 * @subcommand send-all
	 */
	public function send_all( $args, $options ): void {
		self::must_be_configured();
		$since = '';
		if ( isset( $options['since'] ) ) {
			$time = strtotime( $options['since'] . ' UTC' );
			if ( false === $time ) {
				\WP_CLI::error( 'not a time: ' . $options['since'] );
			}
			$since = gmdate( 'Y-m-d H:i:s', $time );
		}
		$dry_run = ! empty( $options['dry-run'] );
		$found   = 0;
		for ( $after = 0; ; $after = $batch['last'] ) {
			$batch = Archive::queue( $after, ! empty( $options['restored'] ), $since, $dry_run );
			if ( 0 === $batch['last'] ) {
				break;
			}
			$found += count( $batch['queued'] );
			foreach ( $dry_run ? $batch['queued'] : array() as $id ) {
				\WP_CLI::line( Settings::gallery_id( $id ) . "\t" . get_permalink( $id ) );
			}
			Sender::forget_caches();
		}
		\WP_CLI::log( $found . ' galleries found' );
		if ( ! $dry_run ) {
			self::drain();
		}
	}

	private static function drain(): void {
		$progress = static function ( $done ) {
			if ( 0 === $done % 100 ) {
				\WP_CLI::log( $done . ' sent' );
			}
		};
		Sender::schedule(); // if this is interrupted, WP-Cron continues
		do {
			Sender::drain( DAY_IN_SECONDS, 15, false, $progress );
			$pause = get_option( Sender::PAUSE );
		} while ( ! is_array( $pause ) && Queue::due( 1 ) && 0 === sleep( 1 ) ); // another process may be sending
		$waiting = Queue::length();
		if ( is_array( $pause ) ) {
			\WP_CLI::error( $waiting . ' posts wait, and WP-Cron sends them later: ' . $pause['error'] );
		} elseif ( $waiting > 0 ) {
			\WP_CLI::warning( $waiting . ' posts wait: see wp gallerywire status' );
		} else {
			\WP_CLI::success( 'nothing waits; wp gallerywire status says what was refused' );
		}
	}

	/** Shows the settings, the queue, the last error, and the galleries that were refused. */
	public function status(): void {
		foreach ( Screen::state() as $label => $text ) {
			\WP_CLI::line( $label . ': ' . $text );
		}
		foreach ( Screen::troubles() as $id => $sentences ) {
			\WP_CLI::line( 'Post ' . $id . ': ' . implode( '; ', $sentences ) );
		}
	}

	private static function must_be_configured(): void {
		if ( '' === Settings::url() ) {
			\WP_CLI::error( 'define GALLERYWIRE_URL in wp-config.php' );
		}
		if ( '' !== Settings::moved() ) {
			\WP_CLI::error( Settings::moved() );
		}
	}
}

Screen::start();
if ( '' !== Settings::url() && ! wp_installing() ) {
	Watch::start();
	add_action( Sender::HOOK, array( Sender::class, 'at_cron' ) );
	add_action( Sender::HOURLY, array( Watch::class, 'catch_up' ) );
	add_action( Sender::HOURLY, array( Sender::class, 'schedule_closed_sites' ) );
	add_action( Sender::HOURLY, array( Sender::class, 'at_cron' ) );
	add_action(
		'init',
		static function () {
			Settings::guids_before();
			Settings::moved();
			if ( ! wp_next_scheduled( Sender::HOURLY ) ) {
				wp_schedule_event( time() + HOUR_IN_SECONDS, 'hourly', Sender::HOURLY );
			}
		}
	);
}
if ( defined( 'WP_CLI' ) && \WP_CLI ) {
	\WP_CLI::add_command( 'gallerywire', Command::class );
}
